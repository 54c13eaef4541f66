package store

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"

	"github.com/google/go-cmp/cmp"
)

// recordFully records a finished run that has something in every table. Runs of
// different seeds differ in every value.
func recordFully(t testing.TB, s *Store, name string, seed int, status record.Status) *Run {
	t.Helper()
	run := newRun(t, s, name, func(n *NewRun) {
		n.Seed, n.Tags, n.Notes = uint64(seed), []string{"paper", name}, "notes of "+name
		n.SourceYAML, n.Overrides, n.Argv = "name: "+name, []string{"a=b"}, []string{"harness", "run"}
		n.Environment = map[string]string{"host": name}
	})
	recordSteps(t, s, run.ID, seed, 1, 20)
	endRun(t, s, run.ID, status)
	return get(s.Run(t.Context(), run.ID))(t)
}

// recordSteps records points, log lines, a sample and an evaluation of steps.
func recordSteps(t testing.TB, s *Store, runID string, seed, from, to int) {
	t.Helper()
	w := openWriter(t, s, runID)
	for step := from; step <= to; step++ {
		w.Point("train/loss", step, float64(seed)+1/float64(step))
		w.Point("odd", step, []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1)}[step%3])
		w.Phase("step", step, time.Duration(step+seed)*time.Millisecond)
		for part := range 4 { // enough for blocks
			w.Point("fine", 4*step+part, float64(seed)/float64(step+part))
		}
	}
	w.Progress(to, 100)
	sweep := fmt.Sprint("sweep ", seed)
	must(t, s.PutSweep(t.Context(), sweep, "seeds: 5"))
	must(t, s.PutSweepRuns(t.Context(), sweep, []SweepRun{{RunID: runID, Variant: fmt.Sprint("seed ", seed),
		Values: map[string]string{"seed": fmt.Sprint(seed)}}}))
	w.Log("info", fmt.Sprintf("steps %d to %d of seed %d", from, to, seed))
	drawing := record.Drawing{Step: to, Epoch: 1, Sampler: "euler", SamplerJSON: "{}", Steps: 4, Guidance: 2, Seed: uint64(seed),
		NFE: 4, Images: 4, Seconds: 0.5}
	for _, png := range []string{"the same in all", fmt.Sprint("of seed ", seed, " at step ", to)} {
		must(t, w.Sample(t.Context(), SampleRecord{Drawing: drawing, PNG: []byte(png)}))
	}
	must(t, s.AddEvaluation(t.Context(), runID, EvaluationRecord{Drawing: drawing, Dataset: "mnist", Classifier: "c",
		Correct: []bool{true, false},
		Metrics: []Metric{{"fd", float64(seed), math.NaN()}, {"accuracy", 0.5, 0.1}}}))
	must(t, s.AddReference(t.Context(), Reference{Dataset: "mnist", Classifier: "c", Kind: ReferenceReal, Images: 10,
		Metrics: []Metric{{"fd", 0.1, 0.01}}}))
	must(t, w.Flush(t.Context()))
	must(t, w.stop())
}

// endRun records that a run ended; record.StatusCrashed leaves it as one whose process
// is gone.
func endRun(t testing.TB, s *Store, runID string, status record.Status) {
	t.Helper()
	if status == record.StatusCrashed {
		get(writing(t, s).Exec(`UPDATE runs SET heartbeat_at = heartbeat_at - 3600000, host = 'elsewhere' WHERE id = ?`, runID))(t)
		return
	}
	get(writing(t, s).Exec(queryEndRun, status, "because", 1700000000000, runID))(t)
}

// dump writes down every row of a store, but for what may differ between stores
// that hold the same: ids that a store gives out are replaced by their order.
func dump(t testing.TB, s *Store) map[string][]string {
	t.Helper()
	ids := map[string]string{ // tables with such ids, and what their rows are known by
		"series":             "(SELECT run_id || name FROM series WHERE id = series_id)",
		"samples":            "",
		"evaluations":        "",
		"points":             "(SELECT run_id || name FROM series WHERE id = series_id)",
		"blocks":             "(SELECT run_id || name FROM series WHERE id = series_id)",
		"evaluation_metrics": "(SELECT run_id || step FROM evaluations WHERE id = evaluation_id)",
	}
	columns, numbered, err := readColumns(t.Context(), writing(t, s))
	must(t, err)
	delete(columns, tableIdentity) // every store has its own
	tables := map[string][]string{}
	for table, names := range columns {
		names = without(names, numbered[table], "series_id", "evaluation_id")
		expressions := make([]string, len(names))
		for i, n := range names {
			expressions[i] = `quote("` + n + `")`
		}
		if ids[table] != "" && numbered[table] == "" {
			expressions = append(expressions, ids[table])
		}
		tx := get(writing(t, s).Begin())(t)
		rows, err := column[string](t.Context(), tx, "SELECT "+strings.Join(expressions, " || ' ' || ")+" FROM \""+table+"\"")
		must(t, err)
		must(t, tx.Rollback())
		slices.Sort(rows)
		tables[table] = rows
	}
	return tables
}

func checkMerge(t testing.TB, s *Store, src string, want MergeResult) {
	t.Helper()
	if got := get(s.Merge(t.Context(), src, MergeOptions{}))(t); got != want {
		t.Errorf("merging %s gave %+v, want %+v", filepath.Base(src), got, want)
	}
}

func TestARunBelongsToTheSweepsOfBothStores(t *testing.T) {
	src, dst, run := twoStores(t, record.StatusFinished)
	for s, name := range map[*Store]string{src: "theirs", dst: "ours"} {
		must(t, s.PutSweep(t.Context(), name, "x"))
		must(t, s.PutSweepRuns(t.Context(), name, []SweepRun{{RunID: run.ID, Variant: name}}))
	}
	must(t, src.PutSweep(t.Context(), "without runs", "x"))
	checkMerge(t, dst, src.Path(), MergeResult{Same: 1})
	for name, want := range map[string]int{"ours": 1, "theirs": 1, "sweep 1": 1, "without runs": 0} {
		if sweep := get(dst.Sweep(t.Context(), name))(t); len(sweep.Runs) != want {
			t.Errorf("sweep %s has %d runs, want %d", name, len(sweep.Runs), want)
		}
	}
}

// twoStores returns a store with a run that has recorded 20 steps, and a copy.
func twoStores(t *testing.T, status record.Status) (src, dst *Store, run *Run) {
	t.Helper()
	src, dst = openTemp(t), openTemp(t)
	run = recordFully(t, src, "x", 1, status)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1})
	return src, dst, run
}

func TestARunThatIsInBothStores(t *testing.T) {
	goOn := func(to int, status record.Status) func(*testing.T, *Store, string) {
		return func(t *testing.T, s *Store, id string) {
			must(t, s.StartResume(t.Context(), id, 20))
			recordSteps(t, s, id, 1, 21, to)
			endRun(t, s, id, status)
		}
	}
	sql := func(statement string) func(*testing.T, *Store, string) {
		return func(t *testing.T, s *Store, id string) { get(writing(t, s).Exec(statement, id))(t) }
	}
	unchanged := func(*testing.T, *Store, string) {}
	label := func(t *testing.T, s *Store, id string) {
		must(t, s.UpdateTags(t.Context(), id, []string{"mine"}, []string{"paper"}))
		must(t, s.SetNotes(t.Context(), id, "my notes"))
	}
	stop := func(t *testing.T, s *Store, id string) { must(t, s.StopRun(t.Context(), id, "it was behind")) }
	evaluate := func(seed int) func(*testing.T, *Store, string) {
		return func(t *testing.T, s *Store, id string) {
			must(t, s.AddEvaluation(t.Context(), id, EvaluationRecord{Drawing: record.Drawing{Step: 20, Sampler: "heun",
				SamplerJSON: "{}", Seed: uint64(seed)}, Dataset: "mnist", Classifier: "c",
				Metrics: []Metric{{"fd", 1, 1}}}))
		}
	}
	metric := sql(`UPDATE evaluation_metrics SET value = 77.0 WHERE name = 'fd' AND evaluation_id IN
		(SELECT id FROM evaluations WHERE run_id = ?)`)
	for _, c := range []struct {
		name        string
		status      record.Status
		there, here func(*testing.T, *Store, string)
		want        MergeResult
		says        string
	}{
		{"of a seed that is no number", record.StatusFinished, sql(`UPDATE runs SET seed = 'x' WHERE id = ?`), unchanged,
			MergeResult{Refused: 1}, `its seed is "x", not a number`},
		{"of a loss that is no number", record.StatusFinished,
			sql(`UPDATE series SET max = 'x' WHERE run_id = ? AND name = 'train/loss'`), unchanged,
			MergeResult{Refused: 1}, `"train/loss" is not of numbers`},
		{"unchanged", record.StatusFinished, unchanged, unchanged, MergeResult{Same: 1}, ""},
		{"unchanged and crashed", record.StatusCrashed, unchanged, unchanged, MergeResult{Same: 1}, ""},
		{"labelled differently", record.StatusFinished, label, unchanged, MergeResult{Same: 1}, ""},
		{"resumed to its end there", record.StatusInterrupted, goOn(30, record.StatusFinished), label, MergeResult{Continued: 1}, ""},
		{"resumed there and interrupted again", record.StatusCrashed, goOn(30, record.StatusInterrupted), label, MergeResult{Continued: 1}, ""},
		{"resumed there and crashed", record.StatusFailed, goOn(30, record.StatusCrashed), label, MergeResult{Continued: 1}, ""},
		{"resumed there and diverged", record.StatusInterrupted, goOn(30, record.StatusDiverged), label, MergeResult{Continued: 1}, ""},
		{"resumed there without getting further", record.StatusInterrupted, goOn(20, record.StatusFailed), label, MergeResult{Continued: 1}, ""},
		{"resumed here", record.StatusInterrupted, unchanged, goOn(30, record.StatusFinished), MergeResult{Behind: 1}, ""},
		{"resumed here and interrupted again", record.StatusInterrupted, unchanged, goOn(30, record.StatusInterrupted),
			MergeResult{Behind: 1}, ""},
		{"resumed here without getting further", record.StatusInterrupted, unchanged, goOn(20, record.StatusFailed), MergeResult{Behind: 1}, ""},
		{"stopped there", record.StatusInterrupted, stop, label, MergeResult{Continued: 1}, ""},
		{"stopped here", record.StatusInterrupted, label, stop, MergeResult{Same: 1}, ""},
		{"stopped there and evaluated here", record.StatusInterrupted, stop, evaluate(1), MergeResult{Behind: 1}, ""},
		{"stopped here and resumed there", record.StatusInterrupted, goOn(30, record.StatusFinished),
			func(t *testing.T, s *Store, id string) { label(t, s, id); stop(t, s, id) }, MergeResult{Continued: 1}, ""},
		{"evaluated there", record.StatusFinished, evaluate(1), label, MergeResult{Continued: 1}, ""},
		{"evaluated here", record.StatusFinished, unchanged, evaluate(1), MergeResult{Behind: 1}, ""},
		{"evaluated differently", record.StatusFinished, evaluate(1), evaluate(2), MergeResult{Refused: 1},
			"each has something recorded that the other lacks ([evaluations] there, [evaluations] here)"},
		{"of another metric", record.StatusFinished, metric, unchanged, MergeResult{Refused: 1}, "[evaluations]"},
		{"of another config", record.StatusFinished, sql(`UPDATE runs SET config_hash = 'decaf' WHERE id = ?`), unchanged,
			MergeResult{Refused: 1}, "its config hash is decaf there and c0ffee here"},
		{"of another seed", record.StatusInterrupted, sql(`UPDATE runs SET seed = '7' WHERE id = ?`), unchanged,
			MergeResult{Refused: 1}, "its seed is 7 there and 1 here"},
		{"created at another time", record.StatusFinished, sql(`UPDATE runs SET created_at = 0 WHERE id = ?`), unchanged,
			MergeResult{Refused: 1}, "created at 1970-01-01T00:00:00Z there"},
		{"with another loss", record.StatusFinished, sql(`UPDATE series SET last = 7.0 WHERE run_id = ? AND name = 'train/loss'`),
			unchanged,
			MergeResult{Refused: 1}, "its series differ"},
		{"with fewer points", record.StatusFinished,
			sql(`UPDATE series SET count = count - 1 WHERE run_id = ? AND name = 'train/loss'`), unchanged,
			MergeResult{Refused: 1}, "its series differ"},
		{"finished in both at different steps", record.StatusInterrupted, goOn(30, record.StatusFinished), goOn(40,
			record.StatusFinished), MergeResult{Refused: 1}, "finished at step 30 there and finished at step 40 here"},
		{"finished there and diverged here", record.StatusInterrupted, goOn(30, record.StatusFinished), goOn(30,
			record.StatusDiverged), MergeResult{Refused: 1}, "finished at step 30 there and diverged at step 30 here"},
		{"diverged here, but further there", record.StatusInterrupted, goOn(40, record.StatusInterrupted), goOn(30,
			record.StatusDiverged), MergeResult{Refused: 1}, "interrupted at step 40 there"},
		{"of another name", record.StatusFinished, sql(`UPDATE runs SET name = 'y' WHERE id = ?`), unchanged, MergeResult{Same: 1}, ""},
		{"running here", record.StatusInterrupted, unchanged, func(t *testing.T, s *Store, id string) {
			must(t,
				s.StartResume(t.Context(), id, 10))
		}, MergeResult{Live: 1}, ""},
		{"running there", record.StatusInterrupted, func(t *testing.T, s *Store, id string) {
			must(t, s.StartResume(t.Context(), id,
				10))
		}, unchanged, MergeResult{Live: 1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst, run := twoStores(t, c.status)
			c.there(t, src, run.ID)
			c.here(t, dst, run.ID)
			other := recordFully(t, src, "other", 5, record.StatusFinished)
			before := dump(t, dst)
			want := c.want
			want.Added = 1
			result, err := dst.Merge(t.Context(), src.Path(), MergeOptions{})
			if result != want {
				t.Errorf("merging gave %+v, want %+v", result, want)
			}
			conflict, refused := errors.AsType[*ConflictError](err)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || refused && conflict.RunID != run.ID {
				t.Fatalf("the error is %v, want one that says %q", err, c.says)
			}
			get(dst.Run(t.Context(), other.ID))(t) // the others go on
			forget := func(s *Store) {
				must(t, s.DeleteRun(t.Context(), other.ID, nil))
				get(writing(t, s).Exec(`DELETE FROM sweeps WHERE name = 'sweep 5'`))(t)
			}
			forget(dst)
			if c.want.Continued == 0 {
				if diff := cmp.Diff(before, dump(t, dst)); diff != "" {
					t.Errorf("the store changed:\n%s", diff)
				}
				return
			}

			// It now is the source's, but for the labels.
			labels := get(dst.Run(t.Context(), run.ID))(t)
			if labels.Notes != "my notes" || !slices.Equal(labels.Tags, []string{"mine", "x"}) || labels.Slug != run.Slug {
				t.Errorf("the run's labels are %s, %v, %q", labels.Slug, labels.Tags, labels.Notes)
			}
			label(t, src, run.ID)
			forget(src)
			if diff := cmp.Diff(dump(t, src), dump(t, dst)); diff != "" {
				t.Errorf("source and store differ:\n%s", diff)
			}
			checkMerge(t, dst, src.Path(), MergeResult{Same: 1})
		})
	}
}

func TestALiveRunOfTheSourceIsMergedOnceItHasEnded(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	run := newRun(t, src, "x")
	checkMerge(t, dst, src.Path(), MergeResult{Live: 1})
	endRun(t, src, run.ID, record.StatusInterrupted)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1})
}

func TestASlugThatIsTakenIsReplacedByAnother(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	a, b := recordFully(t, src, "a", 1, record.StatusFinished), recordFully(t, dst, "b", 2, record.StatusFinished)
	get(writing(t, src).Exec(`UPDATE runs SET slug = ?`, b.Slug))(t)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1})
	if got := get(dst.Run(t.Context(), a.ID))(t); got.Slug != a.Slug {
		t.Errorf("its slug is %s, want its first one, %s", got.Slug, a.Slug)
	}
	must(t, dst.DeleteRun(t.Context(), a.ID, nil))
	get(writing(t, dst).Exec(`UPDATE runs SET slug = ?`, a.Slug))(t)
	get(writing(t, src).Exec(`UPDATE runs SET slug = ?`, a.Slug))(t)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1})
	if got := get(dst.Run(t.Context(), a.ID))(t); got.Slug != slug(a.ID, 1) {
		t.Errorf("its slug is %s, want its second one, %s", got.Slug, slug(a.ID, 1))
	}
	checkMerge(t, dst, src.Path(), MergeResult{Same: 1})
}

func TestOnlyTheRunsAskedForAreMerged(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	a := recordFully(t, src, "a", 1, record.StatusFinished)
	recordFully(t, src, "b", 2, record.StatusFinished)
	must(t, src.AddReference(t.Context(), Reference{Dataset: "other", Classifier: "d", Kind: ReferenceNoise, Images: 10,
		Metrics: []Metric{{"fd", 9, 1}}}))
	var progress []int
	result := get(dst.Merge(t.Context(), src.Path(), MergeOptions{Runs: []string{a.ID}, Observe: func(done,
		total int) {
		progress = append(progress, done, total)
	}}))(t)
	if result != (MergeResult{Added: 1}) || !slices.Equal(progress, []int{1, 1}) {
		t.Errorf("merging gave %+v and the progress %v", result, progress)
	}
	if runs := get(dst.ListRuns(t.Context(), Filter{}))(t); len(runs) != 1 || runs[0].ID != a.ID {
		t.Errorf("merged %v", runs)
	}
	if rows := dump(t, dst); len(rows["images"]) != 2 || len(rows[tableReferences]) != 1 {
		t.Errorf("there are %d images and %d reference values, want those of the run: 2 and 1", len(rows["images"]), len(rows[tableReferences]))
	}
	_, err := dst.Merge(t.Context(), src.Path(), MergeOptions{Runs: []string{a.ID, "nosuchrun"}})
	if e, ok := errors.AsType[*NotFoundError](err); !ok || e.Ref != "nosuchrun" {
		t.Errorf("the error about a run that does not exist is %v", err)
	}
}
