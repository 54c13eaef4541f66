package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowharness/harness/internal/record"
)

// manyRuns records the runs that the tests of lists and references use, and
// ends them all but the last two, of which one has crashed.
func manyRuns(t *testing.T) *Store {
	t.Helper()
	s := openTemp(t)
	for i, r := range []struct {
		name, process, config string
		loss                  float64
		status                record.Status
		tags                  []string
	}{
		{"fm_mnist", "flow_match", "seed: 1\ntrain: {lr: 1.0e-03}\nsampling: {steps: [4, 16]}\nema: off", 0.3,
			record.StatusFinished, []string{"paper"}},
		{"fm_fast", "flow_match", "seed: 18446744073709551615\ntrain: {lr: 0.01}\nsampling: {steps: [8]}", 0.1, record.StatusFailed,
			[]string{"paper", "100%"}},
		{"ddpm_mnist", "ddpm", "seed: 18446744073709551614\ntrain: {lr: 1}\nsampling: {steps: [1000]}", 0.2, record.StatusDiverged, nil},
		{"fm_mnist", "flow_match", "seed: 2\ntrain: {lr: 0.001}\nsampling: {steps: [4,16]}", 0, record.StatusRunning, nil},
		{"fm_mnist_b", "flow_match", "seed: 2\ntrain: {lr: none}", 0, record.StatusCrashed, nil},
	} {
		run := newRun(t, s, r.name, func(n *NewRun) {
			n.Process, n.ResolvedYAML, n.Tags, n.Seed = r.process, r.config, r.tags, uint64(100-33*i%100)
			n.Notes = fmt.Sprintf("run number %d", i)
		})
		switch r.status {
		case record.StatusRunning:
		case record.StatusCrashed:
			get(writing(t, s).Exec("UPDATE runs SET heartbeat_at = heartbeat_at - 60000 WHERE id = ?", run.ID))(t)
		default:
			w := openWriter(t, s, run.ID)
			w.Point("train/loss", i+1, r.loss)
			w.Progress(i+1, 10)
			must(t, w.Finish(t.Context(), r.status, ""))
		}
	}
	return s
}

func TestListsAreFilteredSortedAndLimited(t *testing.T) {
	s := manyRuns(t)
	all := "fm_mnist_b fm_mnist ddpm_mnist fm_fast fm_mnist"
	for _, c := range []struct {
		name   string
		filter Filter
		want   string // names
	}{
		{"everything, newest first", Filter{}, all},
		{"oldest first", Filter{Sort: "created"}, "fm_mnist fm_fast ddpm_mnist fm_mnist fm_mnist_b"},
		{"limit", Filter{Limit: 2}, "fm_mnist_b fm_mnist"},
		{"status", Filter{Status: []record.Status{record.StatusFailed, record.StatusDiverged}}, "ddpm_mnist fm_fast"},
		{"running excludes crashed", Filter{Status: []record.Status{record.StatusRunning}}, "fm_mnist"},
		{"crashed, though recorded as running", Filter{Status: []record.Status{record.StatusCrashed}}, "fm_mnist_b"},
		{"tag", Filter{Tags: []string{"paper"}}, "fm_fast fm_mnist"},
		{"both tags", Filter{Tags: []string{"paper", "100%"}}, "fm_fast"},
		{"glob", Filter{Name: "fm_*t"}, "fm_mnist fm_fast fm_mnist"},
		{"process", Filter{Process: "ddpm"}, "ddpm_mnist"},
		{"dataset", Filter{Dataset: "kmnist"}, ""},
		{"text in the name", Filter{Text: "DDPM"}, "ddpm_mnist"},
		{"text in the notes", Filter{Text: "number 1"}, "fm_fast"},
		{"text in a tag, literally", Filter{Text: "0%"}, "fm_fast"},
		{"text that is nowhere", Filter{Text: "%"}, "fm_fast"},
		{"since", Filter{Since: time.Now().Add(time.Hour)}, ""},
		{"since long ago", Filter{Since: time.Now().Add(-time.Hour)}, all},
		{"number, however written", Filter{Where: []string{"train.lr = 1e-3"}}, "fm_mnist fm_mnist"},
		{"integer for a float", Filter{Where: []string{"train.lr==1.0"}}, "ddpm_mnist"},
		{"less", Filter{Where: []string{"train.lr<1"}}, "fm_mnist fm_fast fm_mnist"},
		{"at most", Filter{Where: []string{"train.lr<=1"}}, "fm_mnist ddpm_mnist fm_fast fm_mnist"},
		{"more", Filter{Where: []string{"train.lr>0.001", "train.lr>=1"}}, "ddpm_mnist"},
		{"not a number", Filter{Where: []string{"train.lr!=1"}}, "fm_mnist_b fm_mnist fm_fast fm_mnist"},
		{"not a text", Filter{Where: []string{"train.lr!=none"}}, "fm_mnist ddpm_mnist fm_fast fm_mnist"},
		{"list, however written", Filter{Where: []string{"sampling.steps=[ 4,16 ]"}}, "fm_mnist fm_mnist"},
		{"the largest seed, to the last digit", Filter{Where: []string{"seed=18446744073709551615"}}, "fm_fast"},
		{"a key that is nowhere", Filter{Where: []string{"train.nope=1"}}, ""},
		{"status order", Filter{Sort: "status", Limit: 2}, "fm_mnist_b ddpm_mnist"},
		{"loss, those without last", Filter{Sort: "loss"}, "fm_fast ddpm_mnist fm_mnist fm_mnist_b fm_mnist"},
		{"largest loss, those without last", Filter{Sort: "loss", Desc: true}, "fm_mnist ddpm_mnist fm_fast fm_mnist_b fm_mnist"},
		{"steps", Filter{Sort: "step", Desc: true, Limit: 1}, "ddpm_mnist"},
		{"seed, as a number", Filter{Sort: "seed"}, "fm_mnist ddpm_mnist fm_fast fm_mnist_b fm_mnist"},
		{"duration", Filter{Sort: "duration", Limit: 1}, "fm_mnist_b"},
		{"all at once", Filter{Status: []record.Status{record.StatusFinished}, Tags: []string{"paper"}, Name: "*",
			Process: "flow_match", Dataset: "mnist",
			Text: "fm", Where: []string{"seed=1"}, Since: time.Unix(0, 0), Sort: "seed", Limit: 9}, "fm_mnist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var names []string
			for _, r := range get(s.ListRuns(t.Context(), c.filter))(t) {
				names = append(names, r.Name)
			}
			if diff := cmp.Diff(c.want, strings.Join(names, " ")); diff != "" {
				t.Errorf("(-want +got) %s", diff)
			}
		})
	}
}

func TestAFilterThatMakesNoSenseIsRefused(t *testing.T) {
	s := openTemp(t)
	for _, c := range []struct {
		name, says string
		filter     Filter
	}{
		{"unknown sort key", "created, status", Filter{Sort: "size"}},
		{"unknown status", "finished", Filter{Status: []record.Status{"done"}}},
		{"negative limit", "-1", Filter{Limit: -1}},
		{"condition without operator", "train.lr=0.001", Filter{Where: []string{"train.lr"}}},
		{"condition without key", "train.lr=0.001", Filter{Where: []string{"=3"}}},
		{"half an operator", "train.lr=0.001", Filter{Where: []string{"train.lr!3"}}},
		{"size of a text", "not a number", Filter{Where: []string{"name<abc"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.ListRuns(t.Context(), c.filter); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestEverySortKeyWorks(t *testing.T) {
	s := manyRuns(t)
	if len(SortKeys()) != len(sortKeys) {
		t.Errorf("SortKeys lists %d of %d", len(SortKeys()), len(sortKeys))
	}
	for _, key := range SortKeys() {
		for _, desc := range []bool{false, true} {
			if runs := get(s.ListRuns(t.Context(), Filter{Sort: key, Desc: desc}))(t); len(runs) != 5 {
				t.Errorf("%s: %d runs", key, len(runs))
			}
		}
	}
}

func TestAListHasTheLossWithoutReadingPoints(t *testing.T) {
	s := manyRuns(t)
	get(writing(t, s).Exec("DROP TABLE points"))(t)
	runs := get(s.ListRuns(t.Context(), Filter{Name: "ddpm*"}))(t)
	want := &SeriesSummary{Name: "train/loss", Count: 1, LastStep: 3, Last: 0.2, Min: 0.2, Max: 0.2, Sum: 0.2}
	if diff := cmp.Diff(want, runs[0].Loss); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestMatchingAndLimitingAgreeWithTheWholeList(t *testing.T) {
	s := openTemp(t)
	for i := range 30 {
		run := newRun(t, s, fmt.Sprint("run", i%7), func(n *NewRun) { n.Seed = uint64(i * 7 % 30) })
		w := openWriter(t, s, run.ID)
		if i%5 != 0 {
			w.Point("train/loss", 1, float64(i*11%30))
		}
		w.Progress(i*13%30, 30)
		must(t, w.Finish(t.Context(), []record.Status{record.StatusFinished, record.StatusFailed, record.StatusDiverged}[i%3], ""))
	}
	for _, key := range append(SortKeys(), "") {
		for _, f := range []Filter{{}, {Desc: true}, {Status: []record.Status{record.StatusFinished}}, {Name: "run3",
			Where: []string{"train.lr=0.001"}}, {Text: "run1", Dataset: "mnist"}, {Name: "none"}} {
			f.Sort = key
			all := get(s.ListRuns(t.Context(), f))(t)
			f.Limit = 4
			some := get(s.ListRuns(t.Context(), f))(t)
			if diff := cmp.Diff(all[:min(4, len(all))], some, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%+v: (-first of all +with a limit) %s", f, diff)
			}
			if n := len(get(s.MatchRuns(t.Context(), f))(t)); n != len(all) {
				t.Errorf("%+v: %d runs match of %d", f, n, len(all))
			}
		}
	}
	if _, err := s.MatchRuns(t.Context(), Filter{Where: []string{"nonsense"}}); err == nil {
		t.Error("a condition without an operator was matched")
	}
}
