package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
)

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
	const all = `SELECT r.name, r.flavour, b.box, o."order", b."index", p.name, t.name
		FROM runs r JOIN boxed b ON b.run_id = r.id JOIN boxes o ON o.name = b.box
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
