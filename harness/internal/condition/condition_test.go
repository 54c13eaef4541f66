package condition

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
)

// records are made up: n seeds around each value.
func records(t testing.TB, label string, n int, accuracy, speed float64, settings ...int) []compare.Record {
	t.Helper()
	if len(settings) == 0 {
		settings = []int{50}
	}
	var list []compare.Record
	for seed := range n {
		jitter := []float64{0, 0.002, -0.002, 0.001, -0.001}[(seed+seed*len(label))%5]
		r := compare.Record{Run: compare.Run{ID: fmt.Sprint(label, seed), Slug: fmt.Sprint(label, seed), Name: label,
			Seed: uint64(seed), Status: "finished"},
			Config: map[string]string{"x": label, "process.name": `"flow_match"`}, Environment: map[string]string{},
			Scalars: map[string]compare.Value{"steps_per_second": compare.Value(speed + jitter), "train/loss": compare.Value(1 - accuracy + jitter)}}
		for _, steps := range settings {
			correct := make(compare.Flags, 400)
			for i := range correct {
				correct[i] = float64(i*37%400) < 400*accuracy
			}
			r.Evaluations = append(r.Evaluations, compare.Evaluation{Drawing: record.Drawing{Sampler: "euler", Steps: steps,
				Guidance: 2, SamplerJSON: "{}", NFE: 2 * steps, Images: 400},
				SecondsPerImage: 0.1, Dataset: "mnist", Classifier: "c1", Correct: correct,
				Metrics: map[string]compare.Value{"accuracy": compare.Value(accuracy + jitter), "accuracy/3": compare.Value(accuracy), "zero": 0}})
		}
		list = append(list, r)
	}
	return list
}

func compared(t *testing.T, o compare.Options, lists ...[]compare.Record) *compare.Result {
	t.Helper()
	var d compare.Data
	for _, list := range lists {
		d.Records = append(d.Records, list...)
	}
	r, err := compare.Compare(d, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConditions(t *testing.T) {
	r := compared(t, compare.Options{}, records(t, "base", 5, 0.95, 10), records(t, "new", 5, 0.90, 9.5))
	for expression, failed := range map[string]bool{
		"accuracy < baseline - 0.01":                                    true,
		"accuracy < baseline - 0.1":                                     false,
		"steps_per_second < 0.9 * baseline":                             false,
		"accuracy < 0.92":                                               true,
		"train_loss > 1.5 * baseline":                                   true,
		`metric("accuracy/3") < baseline`:                               true,
		"accuracy_3 < baseline":                                         true,
		`accuracy < baseline_of("accuracy") and steps_per_second < 9.6`: true,
		`metric("train/loss") > baseline_of(train_loss)`:                true,
		"significantly_worse(accuracy)":                                 true,
		"significantly_better(accuracy)":                                false,
		`significantly_worse("train/loss")`:                             true,
		"significantly_worse(steps_per_second)":                         true,
		"not significantly_better(accuracy) && accuracy < 0.99":         true,
		"accuracy / baseline < 0.99":                                    true,
		"abs(accuracy - baseline) > 0.01":                               true,
		"min(accuracy, 1) < max(0.1, 0.2)":                              false,
	} {
		checks, err := Evaluate(r, []string{expression})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(checks) != 1 || checks[0].Failed != failed {
			t.Errorf("%s: %+v, want failed %v", expression, checks, failed)
		}
	}
}

func TestConditionsThatMakeNoSenseAreRefusedWithTheirPlace(t *testing.T) {
	r := compared(t, compare.Options{}, records(t, "base", 1, 0.95, 10), records(t, "new", 1, 0.90, 9))
	for expression, want := range map[string]struct {
		column int
		says   string
	}{
		"acuracy < baseline": {1, `unknown name "acuracy" (did you mean accuracy?); there are: accuracy, `},
		"accuracy < basline": {12, "did you mean baseline?"},
		"accuracy <":         {10, "unexpected token EOF"},
		"accuracy":           {0, "bool"},
		"accuracy + 1":       {0, "bool"},
		`accuracy < "high"`:  {12, "text"},
		"accuracy < true":    {10, "mismatched types"},
		"accuracy / 0 < 1":   {10, "division by zero"},
		"accuracy < baseline / (baseline - baseline)": {21, "division by zero"},
		"accuracy / zero > 1":                         {10, "division by zero"},
		"accuracy + steps_per_second < baseline":      {31, "reads 2"},
		"1 < baseline":                                {5, "reads 0"},
		"len([1]) > 0":                                {1, `there is no function "len"`},
		"[1, 2] == 1":                                 {1, "not part of the language"},
		"accuracy.x < 1":                              {10, "not part of the language"},
		"frobnicate(accuracy)":                        {1, "there is no such function"},
		"significantly_worse(0.5)":                    {21, "takes the name of a metric"},
		"significantly_worse(acuracy)":                {21, "did you mean accuracy"},
		`metric("nothing") < 1`:                       {8, `unknown name "nothing"`},
		"significantly_worse(accuracy, 1)":            {1, "takes one metric"},
		"":                                            {1, "unexpected token EOF"},
		"let x = 1; x > 0":                            {5, "not part of the language"},
		"accuracy in [1]":                             {10, `"in" is not part`},
		"5 % 0 == accuracy":                           {3, `"%" is not part`},
	} {
		_, err := Evaluate(r, []string{expression})
		var e *ExpressionError
		if !errors.As(err, &e) {
			t.Errorf("%q: error is %v", expression, err)
			continue
		}
		if !strings.Contains(err.Error(), want.says) || want.column != 0 && e.Column != want.column {
			t.Errorf("%q: column %d: %v, want %d and %q", expression, e.Column, err, want.column, want.says)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has several lines: %v", expression, err)
		}
	}
}

func TestAllBadConditionsAreReportedAtOnce(t *testing.T) {
	r := compared(t, compare.Options{}, records(t, "base", 1, 0.95, 10), records(t, "new", 1, 0.90, 9))
	_, err := Evaluate(r, []string{"a < 1", "accuracy < 1", "b < 1"})
	if err == nil || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), `"b"`) {
		t.Error(err)
	}
}

func TestWhichSamplesAreMeantMustBeClear(t *testing.T) {
	lists := [][]compare.Record{records(t, "base", 1, 0.95, 10, 10, 50), records(t, "new", 1, 0.90, 9, 10, 50)}
	_, err := Evaluate(compared(t, compare.Options{}, lists...), []string{"accuracy < baseline"})
	if err == nil || !strings.Contains(err.Error(), "euler, 10 steps, guidance 2; euler, 50 steps, guidance 2") {
		t.Errorf("several settings: %v", err)
	}
	if _, err := Evaluate(compared(t, compare.Options{}, lists...), []string{"steps_per_second < baseline"}); err != nil {
		t.Errorf("a metric that is not of samples: %v", err)
	}
	if checks, err := Evaluate(compared(t, compare.Options{Steps: 10}, lists...),
		[]string{"accuracy < baseline"}); err != nil || !checks[0].Failed {
		t.Errorf("with --steps: %v, %v", checks, err)
	}
	other := compared(t, compare.Options{}, records(t, "base", 1, 0.95, 10, 10), records(t, "new", 1, 0.90, 9, 50))
	if _, err := Evaluate(other, []string{"accuracy < baseline"}); err == nil || !strings.Contains(err.Error(),
		"choose settings that both have") {
		t.Errorf("other settings: %v", err)
	}
}

func TestWhatCannotBeComparedFailsTheGate(t *testing.T) {
	base, lacking := records(t, "base", 1, 0.95, 10), records(t, "new", 1, 0.9, 9)
	lacking[0].Evaluations = nil
	checks, err := Evaluate(compared(t, compare.Options{}, base, lacking), []string{"accuracy < baseline - 1"})
	if err != nil || !checks[0].Failed || !strings.Contains(checks[0].Note, "has no value of accuracy") {
		t.Errorf("a missing value: %+v, %v", checks, err)
	}
	ddpm := records(t, "new", 1, 0.9, 9)
	ddpm[0].Config["process.name"] = `"ddpm"`
	checks, err = Evaluate(compared(t, compare.Options{}, base, ddpm), []string{"train_loss > baseline + 100", "train_loss > 100"})
	if err != nil || !checks[0].Failed || !strings.Contains(checks[0].Note, "predict different targets") || checks[1].Failed {
		t.Errorf("another process: %+v, %v", checks, err)
	}
	if _, err := Evaluate(compared(t, compare.Options{}, records(t, "base", 2, 0.9, 9)), []string{"accuracy < 1"}); err == nil {
		t.Error("one group has no baseline")
	}
}

func TestSignificanceSaysWhatItRestsOn(t *testing.T) {
	for _, c := range []struct {
		seeds  int
		now    float64
		failed bool
		says   string
	}{
		{5, 0.90, true, "paired t over 5 and 5 seeds"},
		{1, 0.90, true, "McNemar exact over 400 images of these checkpoints alone"},
		{1, 0.95, false, "too few seeds"},
	} {
		r := compared(t, compare.Options{}, records(t, "base", c.seeds, 0.95, 10), records(t, "new", c.seeds, c.now, 9))
		checks, err := Evaluate(r, []string{"significantly_worse(accuracy)", "significantly_worse(steps_per_second)"})
		if err != nil || checks[0].Failed != c.failed || !strings.Contains(checks[0].Note, c.says) {
			t.Errorf("%d seeds: %+v, %v", c.seeds, checks, err)
		}
		if c.seeds == 1 && (checks[1].Failed || !strings.Contains(checks[1].Note, "too few seeds to tell (one seed each)")) {
			t.Errorf("a metric without images: %+v", checks[1])
		}
	}
}

func TestConditionsNameTheMetricsToShow(t *testing.T) {
	got := strings.Join(Metrics([]string{`accuracy < baseline`, `metric("accuracy/3") < 1`, "(("}), " ")
	if !strings.Contains(got, "accuracy/3") || !strings.Contains(got, "accuracy ") {
		t.Error(got)
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{"accuracy < baseline - 0.01", "significantly_worse(metric(\"accuracy/3\"))", "1/0>1", "((((", "a ? b : c"} {
		f.Add(seed)
	}
	var d compare.Data
	d.Records = append(records(f, "base", 2, 0.95, 10), records(f, "new", 2, 0.9, 9)...)
	r, err := compare.Compare(d, compare.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		_, err := Evaluate(r, []string{expression})
		var e *ExpressionError
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", expression, err)
		}
	})
}
