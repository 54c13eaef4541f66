package baseline

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowharness/harness/internal/compare"
	recorded "flowharness/harness/internal/record"
	"flowharness/harness/internal/report"
)

func record() compare.Record {
	nan := compare.Value(math.NaN())
	return compare.Record{
		Run: compare.Run{ID: "01", Slug: "brave-otter-42", Name: "fm", Seed: 1<<64 - 1, LastLoss: nan, LateLoss: 0.25,
			BestLoss: compare.Value(math.Inf(-1)), StepTime: 0.1, TrainTime: 10},
		Process: "flow_match", Dataset: "mnist", Config: map[string]string{"train.lr": "0.001"},
		Environment: map[string]string{"git.commit": `"abc"`},
		Scalars:     map[string]compare.Value{"train/loss": 0.25, "steps_per_second": 10, "val/loss": nan},
		Evaluations: []compare.Evaluation{{Drawing: recorded.Drawing{Sampler: "euler", Steps: 10, Guidance: 2,
			SamplerJSON: `{"name":"euler"}`, Images: 3, NFE: 20}, SecondsPerImage: 0.1,
			Dataset: "mnist", Classifier: "c1", Metrics: map[string]compare.Value{"accuracy": 2. / 3}, StdErr: map[string]compare.Value{},
			Correct: compare.Flags{true, false, true}}},
	}
}

func sameValue(a, b compare.Value) bool { return a == b || a.Missing() && b.Missing() }

func write(t *testing.T, data []byte) string {
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func encoded(t *testing.T) []byte {
	t.Helper()
	data, err := Encode("fm", []compare.Record{record()})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestABaselineReadsBack(t *testing.T) {
	data := encoded(t)
	for _, readable := range []string{`"correct": "101"`, `"accuracy": 0.6666666666666666`, `"loss": null`, `"version": 1`} {
		if !bytes.Contains(data, []byte(readable)) {
			t.Errorf("the file does not say %s", readable)
		}
	}
	f, err := Read(write(t, data))
	if err != nil {
		t.Fatal(err)
	}
	want := record()
	if diff := cmp.Diff([]compare.Record{want}, f.Runs, cmpopts.IgnoreUnexported(compare.Record{}), cmp.Comparer(sameValue),
		cmpopts.EquateEmpty()); diff != "" || f.Label != "fm" {
		t.Errorf("label %q; (-want +got) %s", f.Label, diff)
	}
	if again := encoded(t); !bytes.Equal(data, again) {
		t.Error("the same runs give another file")
	}
}

func TestWhatIsNoBaselineIsRefused(t *testing.T) {
	good := string(encoded(t))
	for name, c := range map[string]struct{ content, says string }{
		"truncated":         {good[:len(good)/2], "truncated after"},
		"truncated early":   {good[:3], "truncated"},
		"empty":             {" \n", "it is empty"},
		"newer":             {strings.Replace(good, `"version": 1`, `"version": 3`, 1), "version 3, this program reads up to 2: update harness"},
		"version 0":         {strings.Replace(good, `"version": 1`, `"version": 0`, 1), "its version is 0"},
		"other JSON":        {`{"name": "x"}`, "not a baseline"},
		"a list":            {`[1]`, "not a baseline"},
		"no JSON":           {"name: x\n", "not JSON"},
		"two documents":     {good + good, "not JSON"},
		"unknown key":       {strings.Replace(good, `"label"`, `"lable"`, 1), "lable"},
		"no runs":           {`{"format": "harness baseline", "version": 1, "label": "x", "runs": []}`, "holds no runs"},
		"an empty run":      {`{"format": "harness baseline", "version": 1, "label": "x", "runs": [{}]}`, "run 1 of it lacks"},
		"a value of text":   {strings.Replace(good, `"accuracy": 0.6666666666666666`, `"accuracy": "high"`, 1), "not a number"},
		"correct of others": {strings.Replace(good, `"101"`, `"1x1"`, 1), "not 0 or 1"},
	} {
		path := write(t, []byte(c.content))
		_, err := Read(path)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v, want one that says %q", name, err, c.says)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Encode("x", nil); err == nil {
		t.Error("a baseline of nothing was written")
	}
}

func TestABaselineOfSeveralVariantsReadsBack(t *testing.T) {
	other := record()
	other.ID = "02"
	variants := []compare.Variant{{Label: "fm", Runs: []compare.Record{record()}}, {Label: "ddpm", Runs: []compare.Record{other}}}
	data, err := EncodeVariants(variants)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, data)
	got, err := ReadVariants(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(variants, got, cmpopts.IgnoreUnexported(compare.Record{}), cmp.Comparer(sameValue),
		cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "it holds 2 variants (fm, ddpm), and a comparison is with one") {
		t.Errorf("read as a file of one: %v", err)
	}
	if got, err := ReadVariants(write(t, encoded(t))); err != nil || len(got) != 1 || got[0].Label != "fm" || len(got[0].Runs) != 1 {
		t.Errorf("a file of version 1 reads as %v (%v)", got, err)
	}
	for name, c := range map[string]struct {
		variants []compare.Variant
		says     string
	}{
		"no variants": {nil, "no variants"},
		"no runs":     {[]compare.Variant{{Label: "a"}}, "no runs"},
		"one label":   {[]compare.Variant{variants[0], {Label: "fm", Runs: variants[1].Runs}}, `two variants of it are called "fm"`},
		"empty run":   {[]compare.Variant{variants[0], {Label: "b", Runs: make([]compare.Record, 1)}}, `run 1 of it of variant "b" lacks`},
	} {
		if _, err := EncodeVariants(c.variants); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: writing it: %v", name, err)
		}
		data, err := encode(variantsFile{format, version, c.variants})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadVariants(write(t, data)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: reading it: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	good, err := Encode("fm", []compare.Record{record()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/3])
	f.Add([]byte(`{"format": "harness baseline", "version": 1, "label": "", "runs": [{"id": "a", "config": {}, "metrics": {"x": "-Inf"}, ` +
		`"evaluations": [{"correct": "01"}]}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "b.json")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := Read(path)
		if err != nil {
			return
		}
		other := record()
		other.ID = "other"
		result, err := compare.Compare(compare.Data{Records: append(file.Runs, other)},
			compare.Options{BaselineRuns: len(file.Runs), Metrics: []string{"all"}})
		if err == nil {
			report.Tables(result, strings.ToUpper)
			report.Findings(result)
		}
	})
}
