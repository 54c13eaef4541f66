package checkpoint

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowharness/models"
	"flowharness/models/nn"
	"flowharness/models/safetensors"
	"flowharness/models/unet"
)

const hash = "0123456789abcdef"

func TestWhatIsSavedIsLoaded(t *testing.T) {
	layout := tinyLayout(t)
	for _, tc := range []struct {
		name string
		ema  bool
	}{{"with averaged weights", true}, {"without", false}} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "not", "there", "yet")
			want := newState(layout, 12, tc.ema)
			path, err := Save(dir, layout, want, 2)
			if err != nil {
				t.Fatal(err)
			}
			if latest, err := Latest(dir); err != nil || latest != path || path != Path(dir, 12) {
				t.Errorf("saved as %s; the latest is %s (%v)", path, latest, err)
			}
			got, err := Load(path, layout, hash)
			if err != nil {
				t.Fatal(err)
			}
			if got.Step != 12 || got.Meta[MetaRunID] != "run" || got.Meta[MetaSeed] != "7" {
				t.Errorf("loaded step %d, metadata %v", got.Step, got.Meta)
			}
			if !slices.Equal(got.Params, want.Params) || !slices.Equal(got.M, want.M) || !slices.Equal(got.V,
				want.V) || !slices.Equal(got.EMA, want.EMA) {
				t.Error("the vectors are not the saved ones")
			}
		})
	}
}

func TestTheNewestAreKept(t *testing.T) {
	layout := tinyLayout(t)
	for _, tc := range []struct {
		name  string
		keep  int
		steps []int
		want  []int
	}{
		{"two of four", 2, []int{1, 2, 3, 4}, []int{3, 4}},
		{"one of two, by number and not by name", 1, []int{99999999, 100000000}, []int{100000000}},
		{"all that there are, if fewer", 3, []int{5, 6}, []int{5, 6}},
		{"all with 0", 0, []int{1, 2, 3}, []int{1, 2, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			other := filepath.Join(dir, "grid.png")
			if err := os.WriteFile(other, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var want []file
			for _, step := range tc.steps {
				mustSave(t, dir, layout, step, tc.keep)
			}
			for _, step := range tc.want {
				want = append(want, file{step, Path(dir, step)})
			}
			if got, err := list(dir); err != nil || !slices.Equal(got, want) {
				t.Errorf("left are %v (%v), want %v", got, err, want)
			}
			if _, err := os.Stat(other); err != nil {
				t.Error("a file that is no checkpoint was removed")
			}
		})
	}
}

// A process that is killed while it writes leaves a part of a file under another
// name; a machine that stops can leave an empty file.
func TestACrashWhileSavingLeavesTheEarlierCheckpoints(t *testing.T) {
	layout, dir := tinyLayout(t), t.TempDir()
	mustSave(t, dir, layout, 4, 2)
	torn := filepath.Join(dir, ".step-00000008.safetensors.123.tmp")
	whole, err := os.ReadFile(Path(dir, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	latest, err := Latest(dir)
	if err != nil || latest != Path(dir, 4) {
		t.Fatalf("the latest is %s (%v)", latest, err)
	}
	if _, err := Load(latest, layout, hash); err != nil {
		t.Error(err)
	}
	mustSave(t, dir, layout, 8, 2)
	if _, err := os.Stat(torn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the crash left is still there: %v", err)
	}
}

func TestSavingThatFailsLeavesTheEarlierCheckpoints(t *testing.T) {
	layout, dir := tinyLayout(t), t.TempDir()
	mustSave(t, dir, layout, 4, 1)
	if err := os.Mkdir(Path(dir, 8), 0o755); err != nil { // a name that cannot be replaced
		t.Fatal(err)
	}
	if _, err := Save(dir, layout, newState(layout, 8, false), 1); err == nil {
		t.Fatal("saving went well")
	}
	if _, err := Load(Path(dir, 4), layout, hash); err != nil {
		t.Error(err)
	}
	if torn, _ := filepath.Glob(filepath.Join(dir, ".*")); len(torn) > 0 {
		t.Errorf("%v was left behind", torn)
	}
}

func TestLatestOfAFolderWithoutCheckpoints(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "absent")} {
		if _, err := Latest(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	layout := tinyLayout(t)
	one := layout.Entries()[0].Name
	for _, tc := range []struct {
		name   string
		change func(tensors map[string]safetensors.Tensor, meta map[string]string)
		want   string
	}{
		{"one of another config", func(_ map[string]safetensors.Tensor, meta map[string]string) {
			meta[MetaConfigHash] = "fedcba9876543210"
		}, "the checkpoint belongs to another config: its config hash is fedcba987654, this run's 0123456789ab"},
		{"one of a newer harness", func(_ map[string]safetensors.Tensor, meta map[string]string) { meta[MetaFormat] = "2" },
			"it was written by a newer harness (format 2, this one reads up to 1): use that version"},
		{"weights that are no checkpoint", func(_ map[string]safetensors.Tensor, meta map[string]string) { clear(meta) },
			"but not a checkpoint of harness"},
		{"a step that is no number", func(_ map[string]safetensors.Tensor, meta map[string]string) { meta[MetaStep] = "four" },
			`its step is "four", not a number`},
		{"a step below zero", func(_ map[string]safetensors.Tensor, meta map[string]string) { meta[MetaStep] = "-4" }, `its step is "-4"`},
		{"a missing weight", func(tensors map[string]safetensors.Tensor, _ map[string]string) { delete(tensors, "params."+one) }, "params: "},
		{"a missing moment", func(tensors map[string]safetensors.Tensor, _ map[string]string) {
			delete(tensors,
				"optimizer.v."+one)
		}, "optimizer.v: "},
		{"averages of some weights only", func(tensors map[string]safetensors.Tensor, _ map[string]string) {
			delete(tensors,
				"ema."+one)
		}, "ema: "},
		{"a weight of another name", func(tensors map[string]safetensors.Tensor, _ map[string]string) {
			tensors["params.other"] = safetensors.Tensor{Shape: []int{1}, Data: []float32{1}}
		}, "other"},
		{"a tensor that belongs to nothing", func(tensors map[string]safetensors.Tensor, _ map[string]string) {
			tensors["optimizer.w."+one] = tensors["params."+one]
		}, `"optimizer.w.` + one + `" belongs to no part of a checkpoint`},
		{"a weight of another shape", func(tensors map[string]safetensors.Tensor, _ map[string]string) {
			tensors["params."+one] = safetensors.Tensor{Shape: []int{1}, Data: []float32{1}}
		}, one},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := mustSave(t, dir, layout, 4, 0)
			tensors, meta, err := safetensors.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			tensors, meta = maps.Clone(tensors), maps.Clone(meta)
			tc.change(tensors, meta)
			if err := safetensors.Write(path, tensors, meta); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path, layout, hash); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want one that names the file and has %q in it", err, tc.want)
			}
		})
	}
}

func TestAnotherConfigsCheckpointIsErrOtherConfig(t *testing.T) {
	layout := tinyLayout(t)
	path := mustSave(t, t.TempDir(), layout, 4, 0)
	if _, err := Load(path, layout, "other"); !errors.Is(err, ErrOtherConfig) {
		t.Errorf("error is %v", err)
	}
}

// Whatever its length, a file that lost its end is refused, and the error names
// the checkpoint to fall back on.
func TestATruncatedCheckpointNamesTheOneBefore(t *testing.T) {
	layout, dir := tinyLayout(t), t.TempDir()
	before := mustSave(t, dir, layout, 4, 0)
	path := mustSave(t, dir, layout, 8, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header := 8 + int(binary.LittleEndian.Uint64(whole))
	for _, size := range []int{0, 7, 8, header / 2, header, header + 1, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, layout, hash); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(),
			"the one before it is "+before) {
			t.Errorf("%d of %d bytes: error is %v", size, len(whole), err)
		}
	}
	if _, err := Load(Path(dir, 9), layout, hash); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent checkpoint: error is %v", err)
	}
}

// FuzzLoad changes bytes of a checkpoint: it loads or is refused, but nothing
// panics and nothing of another size comes back.
func FuzzLoad(f *testing.F) {
	layout := tinyLayout(f)
	path := mustSave(f, f.TempDir(), layout, 4, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, []byte{0xff})
	f.Add(9, []byte("__metadata__"))
	f.Add(200, []byte(`"shape":[-1]`))
	f.Add(len(whole)-4, []byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, at int, change []byte) {
		data := slices.Clone(whole)
		if at < 0 || at > len(data) {
			return
		}
		copy(data[at:], change)
		path := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Load(path, layout, hash)
		if err == nil && (len(s.Params) != layout.Size() || len(s.M) != layout.Size() || len(s.V) != layout.Size() || s.Step < 0) {
			t.Errorf("loaded step %d, vectors of %d, %d and %d values, want %d", s.Step, len(s.Params), len(s.M), len(s.V), layout.Size())
		}
	})
}

func tinyLayout(t testing.TB) nn.Layout {
	t.Helper()
	o := unet.Defaults()
	o.BlockOutChannels, o.LayersPerBlock, o.NormNumGroups, o.AttentionHeadDim = []int{4, 4}, 1, 2, 4
	o.DownBlockTypes, o.UpBlockTypes = []string{"DownBlock2D", "DownBlock2D"}, []string{"UpBlock2D", "UpBlock2D"}
	unet.Registration.SetDefaults(&o, models.Data{Height: 28, Width: 28, Channels: 1, Classes: 10})
	return unet.New(o, models.Float32).Layout()
}

func newState(layout nn.Layout, step int, ema bool) State {
	vector := func(first float32) []float32 {
		v := make([]float32, layout.Size())
		for i := range v {
			v[i] = first + float32(i)/8
		}
		return v
	}
	s := State{Step: step, Params: vector(1), M: vector(-2), V: vector(3),
		Meta: map[string]string{MetaConfigHash: hash, MetaRunID: "run", MetaSeed: strconv.Itoa(7)}}
	if ema {
		s.EMA = vector(4)
	}
	return s
}

func mustSave(t testing.TB, dir string, layout nn.Layout, step, keep int) string {
	t.Helper()
	path, err := Save(dir, layout, newState(layout, step, true), keep)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
