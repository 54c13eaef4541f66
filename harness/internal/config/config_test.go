package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/models"
	"flowharness/schedulers"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMinimalConfigTakesTheDocumentedDefaults(t *testing.T) {
	r := parseOK(t, "train: {steps: 100}")
	checkGolden(t, "testdata/minimal.resolved.yaml", r.YAML)
	if r.Config.Name != "test" {
		t.Errorf("name is %q, want that of the file, test", r.Config.Name)
	}
}

func TestDefaultsThatDependOnOtherKeys(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		got        func(Config) any
		want       any
	}{
		{"flow matching is sampled with euler", "", func(c Config) any { return c.Sampling.Samplers[0].Name }, "euler"},
		{"ddpm is sampled with ddim", "process: {name: ddpm}", func(c Config) any { return c.Sampling.Samplers[0].Name }, "ddim"},
		{"ddpm predicts epsilon", "process: {name: ddpm}", func(c Config) any { return c.Process.PredictionType }, "epsilon"},
		{"averaged weights are used if there are any", "train: {ema_decay: 0.9}", func(c Config) any { return c.Sampling.UseEMA }, true},
		{"averaged weights are not used if there are none", "", func(c Config) any { return c.Sampling.UseEMA }, false},
		{"averaged weights can be left unused", "train: {ema_decay: 0.9}\nsampling: {use_ema: false}",
			func(c Config) any { return c.Sampling.UseEMA }, false},
		{"block types follow the number of levels", "model: {block_out_channels: [32, 32]}",
			func(c Config) any {
				return slices.Concat(option[[]string](c, "down_block_types"), option[[]string](c, "up_block_types"))
			},
			[]string{"DownBlock2D", "AttnDownBlock2D", "AttnUpBlock2D", "UpBlock2D"}},
		{"null is the default", "seed: null", func(c Config) any { return c.Seed }, uint64(0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Parse("test.yaml", []byte(tc.text), []string{"train.steps=10"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tc.got(r.Config)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryValueIsDecoded(t *testing.T) {
	const text = `
name: all
tags: [a, b-1]
notes: "two\nlines: # not a comment"
seed: 9223372036854775807
backend: {name: xla:cpu, plugin: /opt/p.so, cache: false, devices: 7, precision: bfloat16}
data: {name: kmnist, dir: "d i r", flip: true, limit: 1000, drop_last: false}
process: {name: flow_match, num_train_timesteps: 500, timestep_density: logit_normal, logit_mean: -0.5, logit_std: 2, shift: 3}
train: {batch_size: 42, microbatch_size: 3, epochs: 3, lr: 5e-4, lr_schedule: cosine, warmup_steps: 5, betas: [0.8, 0.99],
	eps: .5, weight_decay: 0,
  grad_clip: 1.5, ema_decay: 0.999, label_drop: 0.1, log_every_seconds: 2.5}
sampling:
  seed: 3
  samplers: [heun, {name: euler, grid: diffusers, shift: 2}]
  steps: [4, 16]
  guidance: [1, 2.5]
  guidance_interval: [0.25, 1]
  rows: 2
  use_ema: false
  at_epochs: [1, 3]
  at_end: false
checkpoint: {every_steps: 10, every_epochs: 2, keep: 5}
store: s.db
`
	want := Defaults()
	want.Name, want.Tags, want.Notes, want.Seed = "all", []string{"a", "b-1"}, "two\nlines: # not a comment", 1<<63-1
	want.Backend = Backend{Name: "xla:cpu", Plugin: "/opt/p.so", Cache: new(bool), Devices: 7, Precision: models.BFloat16}
	want.Data = Data{Name: "kmnist", Dir: "d i r", Flip: true, Limit: 1000}
	want.Process = schedulers.ProcessConfig{Name: "flow_match", NumTrainTimesteps: 500, PredictionType: "velocity",
		TimestepDensity: "logit_normal", LogitMean: -0.5, LogitStd: 2, Shift: 3}
	want.Train = Train{42, 3, 3, 0, 5e-4, Cosine, 5, [2]float64{0.8, 0.99}, 0.5, 0, 1.5, 0.999, 0.1, "", "", "", 0, 2.5}
	want.Sampling = Sampling{3, []schedulers.SamplerConfig{
		{Name: "heun", Grid: "uniform", Shift: 1, TimestepInput: "scaled"},
		{Name: "euler", Grid: "diffusers", Shift: 2, TimestepInput: "scaled"},
	}, []int{4, 16}, []float64{1, 2.5}, Interval{0.25, 1}, "", 0, 0, 2, 0, false, []int{1, 3}, false}
	want.Checkpoint = Checkpoint{10, 2, 5}
	want.Store = "s.db"
	want.Model.SetDefaults(models.Data{Height: 28, Width: 28, Channels: 1, Classes: 10})
	if diff := cmp.Diff(want, parseOK(t, text).Config); diff != "" {
		t.Error(diff)
	}
}

func TestResolvedConfigIsReadAsItself(t *testing.T) {
	for _, text := range []string{
		"train: {steps: 100}",
		"name: \"0123\"\nnotes: \"null\"\ntags: [\"1e3\", on]\ntrain: {epochs: 2, lr: 1e-7, eps: 1e-12}",
		"process: {name: ddpm, beta_schedule: squaredcos_cap_v2}\ntrain: {steps: 9}\nsampling: {samplers: [{name: ddpm, clip_sample: " +
			"false}, {name: ddim, eta: 0.5}, dpmpp_2m]}",
		"train: {steps: 100}\nsampling: {guidance_interval: [0, 1]}",
		"train: {steps: 100}\nbackend: {precision: bfloat16}",
		"train: {steps: 100, microbatch_size: 64}",
	} {
		first := parseOK(t, text)
		second := parseOK(t, string(first.YAML))
		if first.Hash != second.Hash || !bytes.Equal(first.YAML, second.YAML) {
			t.Errorf("%s\nresolves to another config when it is read again:\n%s", text, cmp.Diff(string(first.YAML), string(second.YAML)))
		}
	}
}

func TestHashCoversWhatChangesTheResult(t *testing.T) {
	const base = "train: {steps: 100}"
	reference := parseOK(t, base).Hash
	same := []string{"name=other", "tags=[x]", "notes=hello", "store=other.db", "backend.plugin=/x", "data.dir=/x",
		"backend.precision=float32",
		"train.log_every_seconds=1", "checkpoint.keep=7",
		"process={name: flow_match, shift: 1}", "sampling.samplers=[{name: euler, grid: uniform}]", "train.lr=0.0010"}
	other := []string{"seed=1", "backend.name=go", "backend.precision=bfloat16", "data.name=mnist", "data.flip=true",
		"data.limit=600", "data.drop_last=false",
		"model.layers_per_block=1", "process.shift=2", "train.steps=101", "train.lr=0.002", "train.ema_decay=0.5",
		"sampling.seed=1", "sampling.steps=[4]", "sampling.samplers=[heun]", "sampling.guidance_interval=[0, 0.5]"}
	for _, set := range same {
		if got := parseOK(t, base, set).Hash; got != reference {
			t.Errorf("--set %s changes the hash", set)
		}
	}
	seen := map[string]string{reference: "nothing"}
	for _, set := range other {
		got := parseOK(t, base, set).Hash
		if former, ok := seen[got]; ok {
			t.Errorf("--set %s has the hash of %s", set, former)
		}
		seen[got] = set
	}
}

func TestHashOfAConfigStaysWhatItIs(t *testing.T) {
	// A changed hash orphans recorded runs: they could not be resumed.
	checkGolden(t, "testdata/minimal.hash", []byte(parseOK(t, "train: {steps: 100}").Hash+"\n"))
}

func TestJSONAndYAMLNamesAgree(t *testing.T) {
	var check func(reflect.Type)
	check = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			y, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			j, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type == reflect.TypeFor[schedulers.Sections]() {
				continue // it is written as keys beside the others; testdata/script/process.txtar has some
			}
			if f.Anonymous && y == "" && j == "" && strings.HasSuffix(f.Tag.Get("yaml"), ",inline") {
				check(f.Type)
				continue
			}
			if y == "" || y != j {
				t.Errorf("%s.%s is %q in YAML and %q in JSON", s, f.Name, y, j)
			}
			kind := f.Type
			for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			if kind.Kind() == reflect.Struct {
				check(kind)
			}
		}
	}
	check(reflect.TypeFor[Config]())
}

func TestValidateNamesTheKeysOfAChangedConfig(t *testing.T) {
	c := parseOK(t, "train: {steps: 100}").Config
	if err := c.Validate(); err != nil {
		t.Fatalf("an unchanged config is refused: %v", err)
	}
	c.Sampling.Steps = []int{10, 0}
	c.Sampling.Guidance = []float64{-1}
	c.Sampling.Samplers = []schedulers.SamplerConfig{{Name: "ddim"}}
	want := `sampling.samplers[0].name: sampler "ddim" belongs to process "ddpm", not "flow_match"; use one ` +
		`of: ` + strings.Join(schedulers.SamplerNames("flow_match"), ", ") + `
sampling.steps[1]: must be at least 1, got 0
sampling.guidance[0]: must be at least 0, got -1`
	if diff := cmp.Diff(sortLines(want), sortLines(errorText(c.Validate()))); diff != "" {
		t.Error(diff)
	}
}

func TestShippedConfigsLoad(t *testing.T) {
	paths, err := filepath.Glob("../../../configs/*.yaml")
	if err != nil || len(paths) < 5 {
		t.Fatalf("found %d configs, want at least 5 (%v)", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r, err := Load(path, ownPictures(t, path))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range r.Warnings {
				t.Errorf("it is questionable: %v", w)
			}
			name := strings.TrimSuffix(filepath.Base(path), ".yaml")
			if r.Config.Name != name {
				t.Errorf("its name is %q", r.Config.Name)
			}
			for _, part := range []string{"#   Time:", "#   Expect:", "#   Command:  harness run " +
				"configs/" + name + ".yaml" + map[bool]string{true: " --set data.dir="}[name == "folder_fm"],
				"docs/", "\n# yaml-language-server: $schema=schema.json\n"} {
				if !bytes.Contains(r.Source, []byte(part)) {
					t.Errorf("its head lacks %q", part)
				}
			}
		})
	}
}

func TestBasesOfShippedSweepsAreNotQuestionable(t *testing.T) {
	paths, err := filepath.Glob("../../../configs/sweeps/*_base.yaml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("found %d bases, want at least 2 (%v)", len(paths), err)
	}
	for _, path := range paths {
		if r, err := Load(path, nil); err != nil || len(r.Warnings) > 0 {
			t.Errorf("%s: %v, %v", path, err, r.Warnings)
		}
	}
}

func TestFewImagesAreWarnedOfWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"train: {steps: 1}\nmetrics:\n  images: 200\n":  "test.yaml:3:3: metrics.images: 200 images are few",
		"train: {steps: 1}\nmetrics:\n  images: 1000\n": "",
		"train: {steps: 1}\n":                           "",
	} {
		r, err := Parse("test.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, w := range r.Warnings {
			got += w.String()
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: warnings %q, want %q", text, got, want)
		}
	}
	r, err := Parse("test.yaml", []byte("train: {steps: 1}\n"), []string{"metrics.images=100"})
	if err != nil || len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0].String(), "--set metrics.images=100: 100 images are few") {
		t.Errorf("%v, %v", r.Warnings, err)
	}
}

func TestTutorialConfigIsTheTutorials(t *testing.T) {
	r, err := Load("../../../configs/fm_mnist.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Name, want.Tags, want.Notes = r.Config.Name, r.Config.Tags, r.Config.Notes
	want.Data = Data{Name: "mnist", Flip: true, DropLast: true}
	want.Train.Epochs = 40
	want.Process.SetDefaults()
	scaled, index := schedulers.SamplerConfig{Name: "euler"}, schedulers.SamplerConfig{Name: "euler", TimestepInput: "index"}
	scaled.SetDefaults()
	index.SetDefaults()
	want.Sampling.Samplers = []schedulers.SamplerConfig{scaled, index}
	want.Sampling.AtEpochs = r.Config.Sampling.AtEpochs
	want.Checkpoint = r.Config.Checkpoint
	want.Model.SetDefaults(models.Data{Height: 28, Width: 28, Channels: 1, Classes: 10})
	if diff := cmp.Diff(want, r.Config); diff != "" {
		t.Error(diff)
	}
}

func TestBaselineDiffersInProcessAndSamplersOnly(t *testing.T) {
	fm, err := Load("../../../configs/fm_mnist.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	ddpm, err := Load("../../../configs/ddpm_mnist.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := fm.Config, ddpm.Config
	b.Name, b.Tags, b.Notes, b.Process, b.Sampling.Samplers = a.Name, a.Tags, a.Notes, a.Process, a.Sampling.Samplers
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

// TestTheDocumentOfProcessesNamesThemAll, with every option of a process and of a sampler.
func TestTheDocumentOfProcessesNamesThemAll(t *testing.T) {
	text, err := os.ReadFile("../../../docs/processes.md")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Concat(schedulers.ProcessNames(), schedulers.SamplerNames(""), schedulers.GuidanceMethods()[1:])
	for path := range leaves("", newSchema(models.Default())) {
		section, key := path[:strings.LastIndex(path, ".")+1], path[strings.LastIndex(path, ".")+1:]
		if (section == "process." || section == "sampling.samplers[]." || strings.HasPrefix(path, "sampling.guidance")) && key != "name" {
			names = append(names, key)
		}
	}
	if len(names) < 40 {
		t.Errorf("only %d names", len(names))
	}
	for _, name := range names {
		if !regexp.MustCompile("`(sampling\\.|[a-z_]+: )?" + name + "[`:]").Match(text) {
			t.Errorf("docs/processes.md does not name %s", name)
		}
	}
}

// TestTheDocumentListsEveryKey holds docs/configs.md and the schema together.
func TestTheDocumentListsEveryKey(t *testing.T) {
	const path, mark = "../../../docs/configs.md", "config -update -->\n"
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, _, ok := strings.Cut(string(document), mark)
	if !ok {
		t.Fatalf("%s has no line that ends with %q", path, mark)
	}
	checkGolden(t, path, []byte(written+mark+Reference()))
}

func parseOK(t *testing.T, text string, sets ...string) *Resolved {
	t.Helper()
	r, err := Parse("test.yaml", []byte(text), sets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date (go test -update ./harness/internal/config renews it):\n%s", path, diff)
	}
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func sortLines(s string) []string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return lines
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// option is an option of a config's network.
func option[T any](c Config, key string) T {
	field, _ := fieldByKey(reflect.ValueOf(c.Model), key)
	value, _ := field.Interface().(T)
	return value
}
