package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile/storefiletest"

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
		Setting: map[string]string{"seed": fmt.Sprint(seed)}}}))
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

func TestMergingBringsEveryRowOfEveryTableOnce(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	recordFully(t, dst, "own", 9, record.StatusFinished) // so that ids differ
	kept := dump(t, dst)
	for i, status := range []record.Status{record.StatusFinished, record.StatusDiverged, record.StatusInterrupted,
		record.StatusFailed, record.StatusCrashed} {
		recordFully(t, src, fmt.Sprint("run", i), i, status)
	}
	must(t, src.AddReference(t.Context(), Reference{Dataset: "other", Classifier: "d", Kind: ReferenceNoise, Images: 10,
		Metrics: []Metric{{"fd", 9, 1}}}))
	want := dump(t, src)
	for table, rows := range kept {
		want[table] = append(want[table], rows...)
		slices.Sort(want[table])
		if table == tableImages || table == tableReferences || table == tableIdentity {
			want[table] = slices.Compact(want[table])
		}
		if len(rows) == 0 {
			t.Errorf("the test records nothing in table %s", table)
		}
	}
	before := dump(t, src)

	checkMerge(t, dst, src.Path(), MergeResult{Added: 5})
	if diff := cmp.Diff(want, dump(t, dst)); diff != "" {
		t.Errorf("wanted and merged rows differ:\n%s", diff)
	}
	checkMerge(t, dst, src.Path(), MergeResult{Same: 5})
	if diff := cmp.Diff(want, dump(t, dst)); diff != "" {
		t.Errorf("merging again changed something:\n%s", diff)
	}
	must(t, dst.Integrity(t.Context()))
	if diff := cmp.Diff(before, dump(t, src)); diff != "" {
		t.Errorf("the source changed:\n%s", diff)
	}
	// And back: the source lacks only the store's own run.
	checkMerge(t, src, dst.Path(), MergeResult{Added: 1, Same: 5})
	if diff := cmp.Diff(want, dump(t, src)); diff != "" {
		t.Errorf("the two stores differ:\n%s", diff)
	}
}

// TestMergingKnowsEveryTable fails when a migration adds a table that merging
// would leave out.
func TestMergingKnowsEveryTable(t *testing.T) {
	s := openTemp(t)
	got := get(readTables(t.Context(), writing(t, s)))(t)
	known := map[string]bool{"runs": true, tableReferences: true, tableIdentity: true}
	for _, o := range got.owned {
		known[o.name] = true
		for _, p := range o.parts {
			known[p.name] = true
		}
	}
	for _, o := range got.shared {
		known[o.name] = true
	}
	columns, _, err := readColumns(t.Context(), writing(t, s))
	must(t, err)
	for table, names := range columns {
		if !known[table] {
			t.Errorf("table %s is not merged", table)
		}
		if slices.Contains(names, "run_id") && !slices.ContainsFunc(got.owned, func(o ownedTable) bool { return o.name == table }) {
			t.Errorf("table %s has runs' ids, but merging does not take it for one of runs' tables", table)
		}
	}
	for owner, want := range map[string][]string{"series": {"blocks", "points"}, "evaluations": {"evaluation_metrics"}} {
		i := slices.IndexFunc(got.owned, func(o ownedTable) bool { return o.name == owner })
		var parts []string
		if i >= 0 {
			for _, p := range got.owned[i].parts {
				parts = append(parts, p.name)
			}
		}
		if !slices.Equal(parts, want) {
			t.Errorf("as parts of %s %v are merged, want %v", owner, parts, want)
		}
	}
}

func TestATableThatMergingCannotPlaceIsAnErrorNotALoss(t *testing.T) {
	for _, c := range []struct{ name, create, lost string }{
		{"apart from all others", `CREATE TABLE extra (run_id TEXT, x TEXT) STRICT`, "extra"},
		{"numbered by each store and referred to", `CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;
			CREATE TABLE extra_runs (run_id TEXT REFERENCES runs (id), extra_id INTEGER REFERENCES extra (id)) STRICT`, "extra"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := openTemp(t), openTemp(t)
			for _, s := range []*Store{src, dst} {
				get(writing(t, s).Exec(c.create))(t)
			}
			recordFully(t, src, "x", 1, record.StatusFinished)
			_, err := dst.Merge(t.Context(), src.Path(), MergeOptions{})
			if err == nil || !strings.Contains(err.Error(), c.lost) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestAColumnAndTablesOfALaterMigrationAreMerged adds what migrations may add.
func TestAColumnAndTablesOfALaterMigrationAreMerged(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	for _, s := range []*Store{src, dst} {
		get(writing(t, s).Exec(`ALTER TABLE runs ADD COLUMN flavour TEXT NOT NULL DEFAULT '';
			CREATE TABLE boxes (name TEXT PRIMARY KEY, "order" TEXT NOT NULL) STRICT;
			CREATE TABLE boxed (box TEXT NOT NULL REFERENCES boxes (name), run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
				"index" INTEGER NOT NULL, PRIMARY KEY (box, run_id)) STRICT, WITHOUT ROWID;
			CREATE TABLE pets (id INTEGER PRIMARY KEY, owner TEXT NOT NULL REFERENCES runs (id), name TEXT NOT NULL) STRICT;
			CREATE TABLE toys (pet INTEGER NOT NULL REFERENCES pets (id), name TEXT NOT NULL) STRICT`))(t)
	}
	get(writing(t, dst).Exec(`INSERT INTO pets (owner, name) VALUES (?, 'first')`, newRun(t, dst, "own").ID))(t)
	for i := range 2 {
		run := recordFully(t, src, fmt.Sprint("run", i), i, record.StatusFinished)
		get(writing(t, src).Exec(`UPDATE runs SET flavour = 'v' || seed; INSERT INTO boxes VALUES ('b', 'x') ON CONFLICT DO NOTHING`))(t)
		get(writing(t, src).Exec(`INSERT INTO boxed VALUES ('b', ?, ?)`, run.ID, i))(t)
		get(writing(t, src).Exec(`INSERT INTO pets (owner, name) VALUES (?, 'second')`, run.ID))(t)
		get(writing(t, src).Exec(`INSERT INTO toys SELECT max(id), ? FROM pets`, run.Name))(t)
	}
	checkMerge(t, dst, src.Path(), MergeResult{Added: 2})
	checkMerge(t, dst, src.Path(), MergeResult{Same: 2})
	const all = `SELECT r.name, r.flavour, b.box, o."order", b."index", p.name, t.name FROM runs r JOIN boxed b ON b.run_id = r.id JOIN boxes o ON o.name = b.box
		JOIN pets p ON p.owner = r.id JOIN toys t ON t.pet = p.id ORDER BY r.id`
	if there, here := rowsOf(t, src, all), rowsOf(t, dst, all); len(here) != 2 || !slices.Equal(there, here) {
		t.Errorf("the store has %q, the source %q", here, there)
	}
}

// rowsOf runs a query and writes down its rows.
func rowsOf(t *testing.T, s *Store, query string) []string {
	t.Helper()
	rows := get(writing(t, s).Query(query))(t)
	defer rows.Close()
	columns := get(rows.Columns())(t)
	var list []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		must(t, rows.Scan(values...))
		var b strings.Builder
		for _, v := range values {
			fmt.Fprint(&b, *v.(*any), " ")
		}
		list = append(list, b.String())
	}
	must(t, rows.Err())
	return list
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
	metric := sql(`UPDATE evaluation_metrics SET value = 77.0 WHERE name = 'fd' AND evaluation_id IN (SELECT id FROM evaluations WHERE run_id = ?)`)
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
			sql(`UPDATE series SET max = 'x' WHERE run_id = ? AND name = 'train/loss'`), unchanged, MergeResult{Refused: 1}, `"train/loss" is not of numbers`},
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
			unchanged, MergeResult{Refused: 1}, "its series differ"},
		{"with fewer points", record.StatusFinished,
			sql(`UPDATE series SET count = count - 1 WHERE run_id = ? AND name = 'train/loss'`), unchanged, MergeResult{Refused: 1}, "its series differ"},
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
	result := get(dst.Merge(t.Context(), src.Path(), MergeOptions{Runs: []string{a.ID}, Progress: func(done,
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

// listFolder describes the files of a folder and below.
func listFolder(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var data []byte
			data, err = os.ReadFile(path)
			files[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		return err
	}))
	return files
}

func TestABadSourceIsRefusedAndNothingIsChanged(t *testing.T) {
	for _, c := range slices.Concat(badStores, badSources) {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			c.make(t, path)
			s := openTemp(t)
			recordFully(t, s, "x", 1, record.StatusFinished)
			rows, there := dump(t, s), listFolder(t, filepath.Dir(path))
			_, err := s.Merge(t.Context(), path, MergeOptions{})
			checkError(t, err, c.kind, append(without(c.says, "another store"), path)...)
			if strings.Contains(explained(err), "another store") {
				t.Errorf("the advice is about the store, not about what is merged: %v", err)
			}
			if diff := cmp.Diff(rows, dump(t, s)); diff != "" {
				t.Errorf("the store changed:\n%s", diff)
			}
			if diff := cmp.Diff(there, listFolder(t, filepath.Dir(path))); diff != "" {
				t.Errorf("the source changed:\n%s", diff)
			}
		})
	}
}

// badSources are files that can be opened as stores, but not merged.
var badSources = []struct {
	name string
	make func(t *testing.T, path string)
	kind error
	says []string
}{
	{"damaged far inside", func(t *testing.T, path string) {
		s := openAt(t, path)
		recordFully(t, s, "x", 1, record.StatusFinished)
		run := newRun(t, s, "y")
		w := openWriter(t, s, run.ID)
		for i := range 20000 {
			w.Point("train/loss", i, float64(i))
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		must(t, s.Close())
		size := get(os.Stat(path))(t).Size()
		f := get(os.OpenFile(path, os.O_RDWR, 0))(t)
		get(f.WriteAt(slices.Repeat([]byte{0xff}, 3*4096), size/2/4096*4096))(t)
		must(t, f.Close())
	}, ErrCorrupt, []string{"salvage"}},
	{"cut off by a byte", func(t *testing.T, path string) {
		truncateStore(t, path, -1)
		must(t, os.Truncate(path, get(os.Stat(path))(t).Size()-1))
	}, ErrCorrupt, []string{"within a page"}},
	{"with a view instead of a table", func(t *testing.T, path string) {
		s := openAt(t, path)
		recordFully(t, s, "x", 1, record.StatusFinished)
		get(writing(t, s).Exec(`ALTER TABLE logs RENAME TO old; CREATE VIEW logs AS SELECT * FROM old`))(t)
		must(t, s.Close())
	}, ErrCorrupt, []string{"table logs"}},
	{"with a run whose id leads elsewhere", func(t *testing.T, path string) {
		s := openAt(t, path)
		run := newRun(t, s, "x")
		get(writing(t, s).Exec(`PRAGMA foreign_keys = 0; UPDATE runs SET id = '../../../../../../../../xx' WHERE id = '` + run.ID + `'`))(t)
		must(t, s.Close())
	}, ErrCorrupt, []string{"no run's id"}},
	{"with a table of its own making", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(writing(t, s).Exec(`DROP TABLE logs; CREATE TABLE logs (run_id, line, at, level, message)`))(t)
		must(t, s.Close())
	}, ErrCorrupt, []string{"table logs"}},
}

func TestASourceThatIsTheStoreOrDoesNotExistIsRefused(t *testing.T) {
	s := openTemp(t)
	link := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Link(s.Path(), link))
	for path, says := range map[string]string{
		s.Path(): "it is the store that it is to be merged into", link: "it is the store that it is to be merged into",
		filepath.Join(t.TempDir(), "x.db"): "there is no store at ",
	} {
		if _, err := s.Merge(t.Context(), path, MergeOptions{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %v, want one that says %q", err, says)
		}
	}
}

func TestALockedSourceOrStoreIsAnErrorThatNamesIt(t *testing.T) {
	src := openTemp(t)
	recordFully(t, src, "x", 1, record.StatusFinished)
	dst := get(openHurriedly(t, filepath.Join(t.TempDir(), "s.db")))(t)
	defer dst.Close()

	other := storefiletest.Connect(t, dst.Path())
	defer other.Close()
	tx := get(other.Begin())(t)
	_, err := dst.Merge(t.Context(), src.Path(), MergeOptions{})
	checkError(t, err, ErrLocked, dst.Path(), "wait for the other process")
	must(t, tx.Rollback())

	// A source that is only being written is merged as it is.
	writer := storefiletest.Connect(t, src.Path())
	defer writer.Close()
	tx = get(writer.Begin())(t)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1})
	must(t, tx.Rollback())

	must(t, src.Close())
	get(writer.Exec("PRAGMA locking_mode = EXCLUSIVE"))(t)
	get(writer.Exec("PRAGMA user_version = 0"))(t)
	_, err = dst.Merge(t.Context(), src.Path(), MergeOptions{})
	checkError(t, err, ErrLocked, src.Path(), "wait for the other process")
}

func TestASourceOfAnOlderSchemaIsMergedFromACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	db := storefiletest.Older(t, path, 4)
	get(db.Exec(`INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, created_at, started_at, heartbeat_at, pid, pid_started_at, host, boot)
		VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'old', 'old', 'finished', '', '1', '', '', 1, 1, 1, 1, 1, '', '')`))(t)
	must(t, db.Close())
	before := listFolder(t, filepath.Dir(path))
	s := openTemp(t)
	files := len(listFolder(t, filepath.Dir(s.Path())))
	checkMerge(t, s, path, MergeResult{Added: 1})
	checkMerge(t, s, path, MergeResult{Same: 1})
	if diff := cmp.Diff(before, listFolder(t, filepath.Dir(path))); diff != "" {
		t.Errorf("the source changed:\n%s", diff)
	}
	if now := listFolder(t, filepath.Dir(s.Path())); len(now) != files {
		t.Errorf("beside the store lie %v", slices.Collect(maps.Keys(now)))
	}
}

func TestAStoreOpenedForReadingIsNotMergedInto(t *testing.T) {
	src, s := openTemp(t), openTemp(t)
	reader := get(OpenReadOnly(t.Context(), s.Path()))(t)
	defer reader.Close()
	_, err := reader.Merge(t.Context(), src.Path(), MergeOptions{})
	checkError(t, err, ErrReadOnly, s.Path())
}

func TestACancelledMergeKeepsTheRunsDoneAndIsContinued(t *testing.T) {
	src, dst := openTemp(t), openTemp(t)
	for i := range 4 {
		recordFully(t, src, fmt.Sprint(i), i, record.StatusFinished)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result, err := dst.Merge(ctx, src.Path(), MergeOptions{Progress: func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || result != (MergeResult{Added: 2}) || !strings.Contains(err.Error(), "2 of 4 runs are done") {
		t.Errorf("merging gave %+v and %v", result, err)
	}
	must(t, dst.Integrity(t.Context()))
	checkMerge(t, dst, src.Path(), MergeResult{Added: 2, Same: 2})
	if diff := cmp.Diff(dump(t, src), dump(t, dst)); diff != "" {
		t.Errorf("source and store differ:\n%s", diff)
	}
}

// mergeSource merges the store source.db beside a store.
func mergeSource(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Merge(ctx, filepath.Join(filepath.Dir(path), "source.db"), MergeOptions{})
	return err
}

func TestAKilledMergeIsContinuedByTheNextOne(t *testing.T) {
	dir := t.TempDir()
	src := openAt(t, filepath.Join(dir, "source.db"))
	for i := range 30 {
		run := newRun(t, src, fmt.Sprint(i))
		w := openWriter(t, src, run.ID)
		for step := range 5000 {
			w.Point("train/loss", step, 1/float64(step+i+1))
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	dst := openAt(t, filepath.Join(dir, "harness.db"))
	merging := child(t, "merge", dst.Path())
	must(t, merging.Start())
	for limit := time.Now().Add(20 * time.Second); len(get(dst.ListRuns(t.Context(), Filter{}))(t)) < 3 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	must(t, merging.Process.Kill())
	merging.Wait() // its error is that it was killed
	must(t, dst.Integrity(t.Context()))
	there := len(get(dst.ListRuns(t.Context(), Filter{}))(t))
	if there < 3 || there == 30 {
		t.Fatalf("the merge was killed after %d runs", there)
	}
	checkMerge(t, dst, src.Path(), MergeResult{Added: 30 - there, Same: there})
	if diff := cmp.Diff(dump(t, src), dump(t, dst)); diff != "" {
		t.Errorf("source and store differ:\n%s", diff)
	}
}

func TestAMergeOntoAFullDiskKeepsTheRunsDone(t *testing.T) {
	src := openTemp(t)
	for i := range 40 {
		run := newRun(t, src, fmt.Sprint(i))
		w := openWriter(t, src, run.ID)
		for step := range 3000 {
			w.Point("train/loss", step, 1/float64(step+1))
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	dst := openAt(t, filepath.Join(mountSmallDisk(t, 2<<20), "harness.db"))
	defer dst.Close()
	result, err := dst.Merge(t.Context(), src.Path(), MergeOptions{})
	checkError(t, err, ErrFull, dst.Path(), "free some space")
	runs := get(dst.ListRuns(t.Context(), Filter{}))(t)
	if result.Added < 3 || result.Added == 40 || len(runs) != result.Added {
		t.Errorf("%+v and %d runs in the store", result, len(runs))
	}
	for _, r := range runs {
		if points := get(dst.Series(t.Context(), r.ID, "train/loss", SeriesOptions{}))(t); len(points) != 3000 {
			t.Errorf("run %s has %d points", r.Slug, len(points))
		}
	}
	must(t, dst.Integrity(t.Context()))
}

// stagedLog records what is asked of staged files.
type stagedLog struct {
	log       *[]string
	placing   error
	beforeEnd func()
}

func (f stagedLog) Place() error {
	*f.log = append(*f.log, "place")
	if f.beforeEnd != nil {
		f.beforeEnd()
	}
	return f.placing
}
func (f stagedLog) Keep()       { *f.log = append(*f.log, "keep") }
func (f stagedLog) Undo() error { *f.log = append(*f.log, "undo"); return nil }

func TestFilesArePlacedBeforeTheCommitAndTakenBackIfItFails(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name    string
		copying error
		staged  stagedLog
		want    []string
		added   int
	}{
		{"all goes well", nil, stagedLog{}, []string{"copy", "place", "keep"}, 1},
		{"copying fails", broken, stagedLog{}, []string{"copy"}, 0},
		{"placing fails", nil, stagedLog{placing: broken}, []string{"copy", "place", "undo"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := openTemp(t), openTemp(t)
			recordFully(t, src, "x", 1, record.StatusFinished)
			var log []string
			c.staged.log = &log
			result, err := dst.Merge(t.Context(), src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
				log = append(log, "copy")
				return c.staged, c.copying
			}})
			if !slices.Equal(log, c.want) || result.Added != c.added || result.Refused != 1-c.added || (err == nil) != (c.added == 1) {
				t.Errorf("the log is %v, the result %+v, the error %v", log, result, err)
			}
			if runs := get(dst.ListRuns(t.Context(), Filter{}))(t); len(runs) != c.added {
				t.Errorf("there are %d runs", len(runs))
			}
		})
	}
	t.Run("the merge is cancelled before the commit", func(t *testing.T) {
		src, dst := openTemp(t), openTemp(t)
		recordFully(t, src, "x", 1, record.StatusFinished)
		ctx, cancel := context.WithCancel(t.Context())
		var log []string
		_, err := dst.Merge(ctx, src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
			return stagedLog{log: &log, beforeEnd: cancel}, nil
		}})
		if !errors.Is(err, context.Canceled) || !slices.Equal(log, []string{"place", "undo"}) {
			t.Errorf("the log is %v, the error %v", log, err)
		}
	})
	t.Run("nothing is to be taken over", func(t *testing.T) {
		src, dst, _ := twoStores(t, record.StatusFinished)
		get(dst.Merge(t.Context(), src.Path(), MergeOptions{CopyFiles: func(context.Context, string) (StagedFiles, error) {
			t.Error("files were copied")
			return nil, broken
		}}))(t)
	})
}

func TestExtractingARunTwiceGivesTheSameBytes(t *testing.T) {
	s := openTemp(t)
	recordFully(t, s, "first", 1, record.StatusFinished)
	run := recordFully(t, s, "second", 2, record.StatusInterrupted)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	must(t, s.Extract(t.Context(), run.ID, a))
	recordFully(t, s, "third", 3, record.StatusFinished)
	time.Sleep(1100 * time.Millisecond) // the clock of the migrations' table counts seconds
	must(t, s.Extract(t.Context(), run.ID, b))
	if string(get(os.ReadFile(a))(t)) != string(get(os.ReadFile(b))(t)) {
		t.Error("the two files differ")
	}
	if len(listFolder(t, dir)) != 2 {
		t.Errorf("the folder holds %v", listFolder(t, dir))
	}
	// From a store that it was merged into, too.
	other := openTemp(t)
	recordFully(t, other, "own", 4, record.StatusFinished)
	checkMerge(t, other, a, MergeResult{Added: 1})
	c := filepath.Join(dir, "c.db")
	must(t, other.Extract(t.Context(), run.ID, c))
	if string(get(os.ReadFile(a))(t)) != string(get(os.ReadFile(c))(t)) {
		t.Error("extracted from another store, it differs")
	}
	if err := s.Extract(t.Context(), run.ID, a); err == nil {
		t.Error("a file that exists was overwritten")
	}
	live := newRun(t, s, "live")
	if err := s.Extract(t.Context(), live.ID, filepath.Join(dir, "d.db")); !errors.Is(err, ErrRunning) {
		t.Errorf("the error about a live run is %v", err)
	}
}
