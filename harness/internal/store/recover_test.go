package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile/storefiletest"
)

const recoveredPage = 4096

// storeToDamage is a closed store of several runs, with pages to spare.
func storeToDamage(t testing.TB) (path string, rows map[string][]string) {
	t.Helper()
	s := openTemp(t)
	for seed := range 5 {
		run := recordFully(t, s, fmt.Sprint("run ", seed), seed, record.StatusRunning)
		w := openWriter(t, s, run.ID)
		for step := 21; step < 2000; step++ {
			w.Point("train/loss", step, 1/float64(step))
		}
		for line := range 60 {
			w.Log("info", fmt.Sprintf("line %d: %s", line, strings.Repeat("x", 100)))
		}
		must(t, w.Sample(t.Context(), SampleRecord{Drawing: record.Drawing{Step: 30, Sampler: "heun", SamplerJSON: "{}", Images: 4},
			PNG: noise(uint64(seed), 20_000)}))
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	}
	rows = dump(t, s)
	must(t, s.Close())
	return s.Path(), rows
}

func noise(seed uint64, n int) []byte {
	data := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	get(source.Read(data))
	return data
}

// recovered recovers a file and opens the result, of which everything must be in
// rows.
func recovered(t *testing.T, path string, rows map[string][]string) (*Recovery, *Store) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "new.db")
	hash := func(string) (string, error) { return "the same", nil }
	result := get(Recover(t.Context(), path, to, RecoverOptions{ConfigHash: hash}))(t)
	s := get(Open(t.Context(), to))(t)
	t.Cleanup(func() { s.Close() })
	must(t, s.Integrity(t.Context()))
	lossy := map[string]bool{}
	for _, r := range result.Runs {
		lossy[r.ID] = len(r.Lost) > 0
		if _, err := s.Run(t.Context(), r.ID); err != nil {
			t.Errorf("run %s cannot be shown: %v", r.Slug, err)
		}
	}
	got := dump(t, s)
	for table := range rows {
		for _, row := range got[table] {
			if !slices.Contains([]string{"points", "logs", "images", "run_tags", "evaluation_metrics"}, table) {
				continue // they can be put together again
			}
			if !slices.Contains(rows[table], row) {
				t.Errorf("table %s has the row %s, which was not in the store", table, row)
			}
		}
		// What is lost of these leaves a trace.
		if slices.Contains([]string{"points", "logs"}, table) && len(got[table]) < len(rows[table]) && len(result.Runs) == 5 &&
			!slices.Contains(slices.Collect(func(yield func(bool) bool) {
				for _, l := range lossy {
					yield(l)
				}
			}), true) && len(result.Dropped) == 0 {
			t.Errorf("%d of %d rows of %s are left and nobody says so", len(got[table]), len(rows[table]), table)
		}
	}
	return result, s
}

func TestASoundStoreIsRecoveredWhole(t *testing.T) {
	path, rows := storeToDamage(t)
	result, s := recovered(t, path, rows)
	if result.Unreadable != 0 || len(result.Dropped) != 0 || len(result.Runs) != 5 {
		t.Errorf("recovered %+v", result)
	}
	for _, r := range result.Runs {
		if len(r.Lost) > 0 {
			t.Errorf("of %s, %q is said to be lost", r.Slug, r.Lost)
		}
	}
	got := dump(t, s)
	for table, want := range rows {
		if !slices.Equal(got[table], want) {
			t.Errorf("table %s has %d rows that are not the same, want %d", table, len(got[table]), len(want))
		}
	}
}

// TestAnyOnePageCanBeDamaged: what was on other pages is salvaged, whichever page
// it is: the header, the list of tables, the root of a table.
func TestAnyOnePageCanBeDamaged(t *testing.T) {
	path, rows := storeToDamage(t)
	data := get(os.ReadFile(path))(t)
	pages := len(data) / recoveredPage
	if pages < 60 {
		t.Fatalf("the store has only %d pages", pages)
	}
	for page := range pages {
		if page > 45 && page%20 > 0 { // before, each is something of its own
			continue
		}
		if testing.Short() && page%7 > 0 { // under the race detector, for which one page is as good as another
			continue
		}
		damaged := bytes.Clone(data)
		copy(damaged[page*recoveredPage:(page+1)*recoveredPage], noise(uint64(page), recoveredPage))
		file := filepath.Join(t.TempDir(), "damaged.db")
		must(t, os.WriteFile(file, damaged, 0o666))
		t.Run(fmt.Sprint("page ", page+1), func(t *testing.T) {
			result, s := recovered(t, file, rows)
			if len(result.Runs) != 5 {
				t.Errorf("%d runs are left", len(result.Runs))
			}
			if n := result.Unreadable; n < 1 || n > 5 { // with the rest of a picture, if it is of one
				t.Errorf("%d pages are said to be unreadable", result.Unreadable)
			}
			got := dump(t, s)
			if n := len(rows["points"]) - len(got["points"]); n > recoveredPage/4 {
				t.Errorf("%d points are lost", n)
			}
			told := len(result.Dropped) > 0 || slices.ContainsFunc(result.Runs, func(r RecoveredRun) bool { return len(r.Lost) > 0 })
			if len(got["images"]) < len(rows["images"]) && !told {
				t.Errorf("%d pictures of %d are left and nobody says so", len(got["images"]), len(rows["images"]))
			}
		})
	}
}

func TestAStoreThatIsCutOffIsRecoveredAsFarAsItGoes(t *testing.T) {
	path, rows := storeToDamage(t)
	info := get(os.Stat(path))(t)
	for _, part := range []int64{9, 7, 5} {
		t.Run(fmt.Sprint(part, " tenths"), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cut.db")
			copyFiles(t, path, file, "")
			must(t, os.Truncate(file, info.Size()*part/10))
			result, s := recovered(t, file, rows)
			n := len(dump(t, s)["points"])
			if want := len(rows["points"]) * (int(part) - 4) / 10; n < want || len(result.Runs) == 0 {
				t.Errorf("%d points of %d are left, of %d runs", n, len(rows["points"]), len(result.Runs))
			}
		})
	}
}

func TestGarbageHereAndThereInAStore(t *testing.T) {
	path, rows := storeToDamage(t)
	data := get(os.ReadFile(path))(t)
	const sector = 512 // what a disk loses
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			damaged, random := bytes.Clone(data), rand.New(rand.NewPCG(seed, 1))
			for range 10 {
				n := sector * (1 + random.IntN(6))
				at := sector * random.IntN((len(damaged)-n)/sector)
				copy(damaged[at:at+n], noise(seed, n))
			}
			file := filepath.Join(t.TempDir(), "damaged.db")
			must(t, os.WriteFile(file, damaged, 0o666))
			recovered(t, file, rows)
		})
	}
}

func TestWhatIsInTheLogIsRecovered(t *testing.T) {
	s := openTemp(t)
	run := recordFully(t, s, "x", 1, record.StatusFinished)
	rows := dump(t, s)
	file := filepath.Join(t.TempDir(), "crashed.db")
	copyFiles(t, s.Path(), file, "", "-wal")
	if info := get(os.Stat(file + "-wal"))(t); info.Size() < 10*recoveredPage {
		t.Fatalf("the log has only %d bytes", info.Size())
	}
	result, copied := recovered(t, file, rows)
	if len(result.Runs) != 1 || result.Runs[0].ID != run.ID || len(result.Runs[0].Lost) > 0 {
		t.Errorf("recovered %+v", result.Runs)
	}
	if got := dump(t, copied); !slices.Equal(got["points"], rows["points"]) {
		t.Errorf("%d points of %d", len(got["points"]), len(rows["points"]))
	}
}

func TestRunsThatWereDeletedAreNotRecovered(t *testing.T) {
	s := openTemp(t)
	gone, kept := recordFully(t, s, "gone", 1, record.StatusFinished), recordFully(t, s, "kept", 2, record.StatusFinished)
	must(t, s.DeleteRun(t.Context(), gone.ID, nil))
	rows := dump(t, s)
	must(t, s.Close())
	result, _ := recovered(t, s.Path(), rows)
	if len(result.Runs) != 1 || result.Runs[0].ID != kept.ID || len(result.Dropped) > 0 {
		t.Errorf("recovered %+v", result)
	}
}

func TestAStoreOfAnOlderSchemaIsRecovered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	db := storefiletest.Older(t, path, 4)
	const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	get(db.Exec(`INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, created_at, started_at, heartbeat_at,
		pid, pid_started_at, host, boot)
		VALUES (?, 'old-owl-1', 'old', 'finished', 'h', '1', 'ddpm', 'mnist', 1600000000000, 1600000000000, 1600000000000, 1, 1,
			'h', 'b')`, id))(t)
	get(db.Exec(`INSERT INTO run_records VALUES (?, 's', 'name: old', '[]', '[]', '{}')`, id))(t)
	get(db.Exec(`INSERT INTO series (id, run_id, name, count, last_step, last, min, max, sum)
		VALUES (7, ?, 'train/loss', 200, 200, 1.0, 1.0, 1.0, 200.0)`, id))(t)
	for step := range 200 {
		get(db.Exec(`INSERT INTO points VALUES (7, ?, 1.0)`, step+1))(t)
	}
	must(t, db.Close())
	to := filepath.Join(t.TempDir(), "new.db")
	result := get(Recover(t.Context(), path, to, RecoverOptions{}))(t)
	if len(result.Runs) != 1 || len(result.Runs[0].Lost) > 0 {
		t.Fatalf("recovered %+v", result)
	}
	s := openAt(t, to)
	if bins := get(s.Bins(t.Context(), id, "train/loss", 2))(t); len(bins) != 2 || bins[0].Count != 100 {
		t.Errorf("summed up: %+v", bins)
	}
}

func TestWhatCannotBeRecoveredIsAnErrorAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(in("garbage"), noise(1, 100_000), 0o666))
	must(t, os.WriteFile(in("empty"), nil, 0o666))
	must(t, os.WriteFile(in("there"), nil, 0o666))
	empty := openAt(t, in("no-runs.db"))
	must(t, empty.Close())
	newer := openTemp(t)
	newRun(t, newer, "x")
	get(writing(t, newer).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`))(t)
	must(t, newer.Close())
	before := listFolder(t, dir)
	for _, c := range []struct{ from, to, want string }{
		{in("absent"), in("new"), "no such file"},
		{dir, in("new"), "not a file"},
		{in("garbage"), in("new"), "no run of a store can be found"},
		{in("empty"), in("new"), "no run of a store can be found"},
		{in("no-runs.db"), in("new"), "no run of a store can be found"},
		{newer.Path(), in("new"), "newer harness"},
		{in("no-runs.db"), in("there"), "exists: name a file that is yet to be made"},
		{in("no-runs.db"), in("no/folder"), "no such file"},
	} {
		_, err := Recover(t.Context(), c.from, c.to, RecoverOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("recovering %s to %s: %v, want %q", c.from, c.to, err, c.want)
		}
	}
	if after := listFolder(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("files changed: %v, were %v", after, before)
	}
}

func TestRecoveringReportsDamageThatOpeningFinds(t *testing.T) {
	path, _ := storeToDamage(t)
	f := get(os.OpenFile(path, os.O_RDWR, 0))(t)
	get(f.WriteAt(noise(3, 20*recoveredPage), 20*recoveredPage))(t)
	must(t, f.Close())
	dst := openTemp(t)
	_, err := dst.Merge(t.Context(), path, MergeOptions{})
	checkError(t, err, ErrCorrupt, path, "salvage", "merge")
	if errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
