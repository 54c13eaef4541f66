package checkpoint

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowharness/models/safetensors"
)

func TestAStateDictOfPyTorchIsRead(t *testing.T) {
	layout := tinyLayout(t)
	flat := make([]float32, layout.Size())
	for i := range flat {
		flat[i] = float32(i) / 8
	}
	for name, prefix := range map[string]string{
		"plain names": "", "of DataParallel": "module.", "of torch.compile": "_orig_mod.", "of both": "module._orig_mod.",
		"the other way round": "_orig_mod.module.",
	} {
		t.Run(name, func(t *testing.T) {
			dict := map[string]safetensors.Tensor{}
			for own, tensor := range layout.StateDict(flat) {
				dict[prefix+own] = tensor
			}
			path := filepath.Join(t.TempDir(), "w.safetensors")
			if err := safetensors.Write(path, dict, map[string]string{"format": "pt"}); err != nil {
				t.Fatal(err)
			}
			got, err := LoadWeights(path, layout, hash)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Params, flat) || got.EMA != nil || got.Meta != nil {
				t.Error("the weights are not those written")
			}
		})
	}
}

func TestAStateDictThatDoesNotFitIsRefused(t *testing.T) {
	layout := tinyLayout(t)
	good := layout.StateDict(make([]float32, layout.Size()))
	first := layout.Entries()[0].Name
	for _, tc := range []struct {
		name   string
		change func(dict map[string]safetensors.Tensor)
		want   string
	}{
		{"a parameter is missing", func(d map[string]safetensors.Tensor) { delete(d, first) }, first + " "},
		{"one too many", func(d map[string]safetensors.Tensor) {
			d["head.bias"] = safetensors.Tensor{Shape: []int{1}, Data: []float32{0}}
		}, "head.bias"},
		{"another shape", func(d map[string]safetensors.Tensor) {
			d[first] = safetensors.Tensor{Shape: []int{1}, Data: []float32{0}}
		}, "has shape [1]"},
		{"a name twice", func(d map[string]safetensors.Tensor) { d["module."+first] = d[first] }, "two of its tensors are called " + first},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dict := maps.Clone(good)
			tc.change(dict)
			path := filepath.Join(t.TempDir(), "w.safetensors")
			if err := safetensors.Write(path, dict, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadWeights(path, layout, hash); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestDrawingNeedsNoOptimizer(t *testing.T) {
	layout, dir := tinyLayout(t), t.TempDir()
	mustSave(t, dir, layout, 3, 0)
	whole, err := Load(Path(dir, 3), layout, hash)
	if err != nil {
		t.Fatal(err)
	}
	tensors, meta, err := safetensors.Read(Path(dir, 3))
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(tensors, func(name string, _ safetensors.Tensor) bool { return strings.HasPrefix(name, "optimizer.") })
	bare := filepath.Join(t.TempDir(), "bare.safetensors")
	if err := safetensors.Write(bare, tensors, meta); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{Path(dir, 3), bare} {
		got, err := LoadWeights(path, layout, hash)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Params, whole.Params) || !slices.Equal(got.EMA, whole.EMA) || got.M != nil || got.Step != 3 {
			t.Errorf("%s: not the weights of step 3", filepath.Base(path))
		}
	}
	if _, err := Load(bare, layout, hash); err == nil || !strings.Contains(err.Error(), "optimizer.m") {
		t.Errorf("training goes on without the optimizer's state: %v", err)
	}
}

func TestTheHashOfAStateIsOfAllItsNumbers(t *testing.T) {
	base := State{Params: []float32{1, 2}, M: []float32{3, 4}, V: []float32{5, 6}, EMA: []float32{7, 8}}
	seen := map[string]string{}
	for name, change := range map[string]func(*State){
		"as it is": func(*State) {}, "a weight": func(s *State) {
			s.Params = []float32{1,
				3}
		}, "a moment": func(s *State) { s.M = []float32{0, 4} },
		"another": func(s *State) { s.V = []float32{0, 6} }, "the average": func(s *State) {
			s.EMA = []float32{0,
				8}
		}, "no average": func(s *State) { s.EMA = nil },
	} {
		s := base
		change(&s)
		if other, twice := seen[s.SHA256()]; twice {
			t.Errorf("%q and %q have one hash", name, other)
		}
		seen[s.SHA256()] = name
	}
}
