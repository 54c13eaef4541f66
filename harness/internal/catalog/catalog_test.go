package catalog

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// runs records three runs: b with 150 losses that fall from 150 to 1, a with one that is NaN, and c without any.
func runs(t *testing.T) *Snapshot {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir()+"/harness.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	losses := map[string][]float64{"a": {2, math.NaN()}, "c": nil}
	for i := range 150 {
		losses["b"] = append(losses["b"], float64(150-i))
	}
	for i, name := range []string{"b", "a", "c"} {
		run, err := st.CreateRun(t.Context(), store.NewRun{Name: name, ConfigHash: name, Seed: uint64(i), Process: "flow_match",
			Dataset:      "digits",
			ResolvedYAML: fmt.Sprintf("seed: %d\ntrain: {lr: %g}\n", i, 0.001*float64(i+1))})
		if err != nil {
			t.Fatal(err)
		}
		w, err := st.OpenWriter(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		for step, loss := range losses[name] {
			w.Point("train/loss", step+1, loss)
		}
		if name == "b" {
			w.Point("val/loss", 150, 0.5)
		}
		if err := w.Finish(t.Context(), record.StatusFinished, ""); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Read(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestConditions(t *testing.T) {
	all := runs(t)
	for condition, want := range map[string]string{
		"loss<=1":          "b",
		"loss100=50.5":     "b", // the mean of 100 … 1
		"loss100>0":        "b", // that of the other is NaN
		"train/loss>0":     "b",
		"val/loss<1":       "b",
		"train.lr>=0.002":  "c a",
		"name=a":           "a",
		"seed!=1":          "c b",
		"status=finished":  "c a b",
		"accuracy>0":       "", // a metric that no run has yet
		"loss100>1e9":      "",
		"process=nonsense": "",

		"created>2020-01-31":       "c a b",
		"created<2020-01-31T18:00": "",
		"duration<1h30m":           "c a b",
		"duration>=5400":           "",
	} {
		found, err := all.Match(t.Context(), store.Filter{}, []string{condition})
		if err != nil {
			t.Errorf("%s: %v", condition, err)
		}
		var names []string
		for _, r := range found {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s matches %q, want %q", condition, got, want)
		}
	}
}

func TestWhatMakesNoSense(t *testing.T) {
	all := runs(t)
	for condition, want := range map[string]string{
		"train.lrr=1":  "did you mean train.lr?",
		"LOSS>1":       "did you mean loss",
		"val/los<1":    "did you mean val/loss",
		"nothing like": "has no operator",
		"qqqqqqqq=1":   `no run has a column "qqqqqqqq"`,
		"loss<low":     `"low" is none`,
		"loss<":        "is not complete",
		"created>May":  `a date such as 2026-03-31 or 2026-03-31T18:00, not with "May"`,
		"duration>1y":  `a time such as 90, 90s or 1h30m, not with "1y"`,
		"sead=1":       "did you mean seed?", // once, though it is a path of configs as well
	} {
		_, err := all.Match(t.Context(), store.Filter{}, []string{condition})
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", condition, err, want)
		}
	}
	if _, err := all.Match(t.Context(), store.Filter{Name: "["}, nil); err == nil {
		t.Error("a pattern without an end matches something, or nothing")
	}
	if _, err := all.ConfigValues(t.Context(), "train.batch"); err == nil {
		t.Error("a path that no run has gives values")
	}
}

func TestAProcessOrDatasetThatNobodyKnowsIsRefused(t *testing.T) {
	all := runs(t)
	for _, test := range []struct {
		filter store.Filter
		want   string // "": it is known
	}{
		{store.Filter{}, ""},
		{store.Filter{Process: "flow_match", Dataset: "digits"}, ""},
		{store.Filter{Process: "ddpm", Dataset: "mnist"}, ""}, // of no run
		{store.Filter{Process: "flowmatch"}, `there is no process "flowmatch"; did you mean flow_match?`},
		{store.Filter{Dataset: "minst"}, `there is no dataset "minst"; did you mean mnist?`},
	} {
		err := all.CheckKnown(test.filter, []string{"ddpm"}, []string{"mnist"})
		var invalid *InvalidError
		if test.want == "" && err != nil || test.want != "" && (!errors.As(err, &invalid) || err.Error() != test.want) {
			t.Errorf("%+v: %v, want %q", test.filter, err, test.want)
		}
	}
}

func TestSortPutsWhatIsMissingLast(t *testing.T) {
	all := runs(t)
	for _, descending := range []bool{false, true} {
		found, err := all.Match(t.Context(), store.Filter{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		by, err := all.Column(t.Context(), RecentLoss)
		if err != nil {
			t.Fatal(err)
		}
		Sort(found, by, descending)
		if found[0].Name != "b" {
			t.Errorf("descending %v: %s comes first", descending, found[0].Name)
		}
	}
}
