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
			Dataset: "digits", Tags: map[string][]string{"b": {"paper", "old"}, "c": {"paper"}}[name],
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
		"loss<=1":         "b",
		"loss100=50.5":    "b", // the mean of 100 … 1
		"loss100>0":       "b", // that of the other is NaN
		"train/loss>0":    "b",
		"val/loss<1":      "b",
		"train.lr>=0.002": "c a",
		"name=a":          "a",
		"seed!=1":         "c b",
		"status=finished": "c a b",
		"accuracy>0":      "", // a metric that no run has yet
		"loss100>1e9":     "",
		"process=ddpm":    "", // of no run
		"tags=paper":      "c b",
		"tags!=paper":     "a",

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
		"status=done":  `condition "status=done": there is no status "done"; use running, finished, interrupted,`,
		"process!=dpm": `there is no process "dpm"; did you mean ddpm?`,
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
		for name, look := range map[string]func() error{
			"matching": func() error { _, err := all.Match(t.Context(), test.filter, nil); return err },
			"choosing": func() error { _, err := all.Choose(t.Context(), test.filter, nil, Order{}); return err },
		} {
			err := look()
			var invalid *InvalidError
			if test.want == "" && err != nil || test.want != "" && (!errors.As(err, &invalid) || err.Error() != test.want) {
				t.Errorf("%s %+v: %v, want %q", name, test.filter, err, test.want)
			}
		}
	}
}

func TestInAnEmptyStoreTheNamesAreThoseThatRunsWillHave(t *testing.T) {
	st, err := store.Open(t.Context(), t.TempDir()+"/harness.db")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for name, read := range map[string]func() (*Snapshot, error){
		"open": func() (*Snapshot, error) { return Open(t.Context(), st) },
		"read": func() (*Snapshot, error) { return Read(t.Context(), st) },
	} {
		all, err := read()
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range []string{"train.lr", "val/loss", "loss100", "accuracy", "seed", "process.name"} {
			if _, err := all.Column(t.Context(), known); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for unknown, want := range map[string]string{"train.lrr": "train.lr", "val/los": "val/loss", "qqqqqqqq": ""} {
			_, err := all.Column(t.Context(), unknown)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q gives %v, want %q to be suggested", name, unknown, err, want)
			}
		}
		if said, err := all.Missing(t.Context(), store.Filter{Tags: []string{"x"}}, nil); err != nil || said != nil {
			t.Errorf("%s: nothing is there, and it says %q (%v)", name, said, err)
		}
	}
}

func TestWhatNoRunHasIsSaid(t *testing.T) {
	all := runs(t)
	for _, test := range []struct {
		tag, condition, want string
	}{
		{tag: "papr", want: `no run has the tag "papr"; did you mean paper?`},
		{tag: "zzzzzz", want: `no run has the tag "zzzzzz"; there are old and paper`},
		{tag: "old"},
		{condition: "tags=papers", want: `no run has the tag "papers"; did you mean paper?`},
		{condition: "train.lr=5", want: "no run has train.lr=5; there are 0.001, 0.002 and 0.003"},
		{condition: "train.lr=0.002"},
		{condition: "train.lr>5"},
		{condition: "name=d", want: "no run has name=d; there are a, b and c"},
		{condition: "accuracy=1", want: "no run has a value of accuracy"},
		{condition: "status=running", want: "no run has status=running; there is only finished"},
	} {
		var f store.Filter
		var where []string
		if f.Tags = []string{test.tag}; test.tag == "" {
			f.Tags, where = nil, []string{test.condition}
		}
		said, err := all.Missing(t.Context(), f, where)
		if err != nil || strings.Join(said, "\n") != test.want {
			t.Errorf("%+v: %q, %v", test, said, err)
		}
	}
}

func TestChoosingAgreesWithMatchingAndSorting(t *testing.T) {
	all := runs(t)
	opened, err := Open(t.Context(), all.store)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range append(columnKeys(), "", RecentLoss, "val/loss", "train.lr") {
		for _, where := range [][]string{nil, {"train.lr>=0.002"}, {"loss>0"}, {"tags=paper", "seed<5"}} {
			for _, descending := range []bool{false, true} {
				want, err := all.Match(t.Context(), store.Filter{}, where)
				if err != nil {
					t.Fatal(err)
				}
				order := Order{Descending: descending && key != ""}
				if key != "" {
					if order.By, err = opened.Column(t.Context(), key); err != nil {
						t.Fatal(err)
					}
					Sort(want, order.By, descending)
				}
				for order.Limit = range 4 {
					first := want
					if order.Limit > 0 {
						first = want[:min(order.Limit, len(want))]
					}
					got, err := opened.Choose(t.Context(), store.Filter{}, where, order)
					if err != nil || slugs(got) != slugs(first) {
						t.Errorf("%s %v, descending %v, %d: %s, want %s (%v)", key, where, descending, order.Limit, slugs(got),
							slugs(first), err)
					}
				}
			}
		}
	}
}

func TestSeriesAreReadOfTheChosenRunsOnly(t *testing.T) {
	all := runs(t)
	opened, err := Open(t.Context(), all.store)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := opened.Choose(t.Context(), store.Filter{Name: "a"}, nil, Order{Limit: 1})
	if err != nil || len(chosen) != 1 || chosen[0].Name != "a" {
		t.Fatalf("%v, %v", chosen, err)
	}
	for _, key := range []string{"train/loss", RecentLoss} {
		if column, err := opened.Column(t.Context(), key); err != nil || len(opened.series.at[key]) != 1 ||
			column.Value(chosen[0]).Is != NoValue {
			t.Errorf("%s: %v was read (%v)", key, opened.series.at[key], err)
		}
	}
	if values := all.series.at; len(values) != 0 {
		t.Errorf("another view reads %v", values)
	}
}

func columnKeys() (keys []string) {
	for _, c := range RunColumns {
		keys = append(keys, c.Key)
	}
	return keys
}

func slugs(runs []*store.RunInfo) string {
	var list []string
	for _, r := range runs {
		list = append(list, r.Slug)
	}
	return strings.Join(list, " ")
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
