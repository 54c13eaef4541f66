package storefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"flowharness/harness/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openTemp opens a new store that is closed at the end of the test.
func openTemp(t testing.TB) *File {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "runs", "harness.db"))
}

func openAt(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write writes a row, to see that it can be done.
func write(t testing.TB, f *File) {
	t.Helper()
	must(t, f.InTx(t.Context(), "testing", insertRow(t.Context())))
}

func insertRow(ctx context.Context) func(tx *sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO sweeps (name, source_yaml, created_at) VALUES ('x', '', 0)`)
		return err
	}
}

// written counts the rows of write.
func written(t testing.TB, f *File) (n int) {
	t.Helper()
	must(t, f.Reading().QueryRow(`SELECT count(*) FROM sweeps`).Scan(&n))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestANewStoreIsCreatedWholeWithItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b c")
	path := filepath.Join(dir, "odd ?#%41é'\";.db")
	f := openAt(t, path)
	write(t, f)
	if got, want := f.Version(), get(NewestVersion())(t); got != want {
		t.Errorf("schema version %d, want %d", got, want)
	}
	must(t, f.Integrity(t.Context()))
	must(t, f.Close())
	entries := get(os.ReadDir(dir))(t)
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the folder holds %v, want the store alone", entries)
	}
	if n := written(t, openAt(t, path)); n != 1 {
		t.Errorf("found %d rows again, want 1", n)
	}
}

func TestAnEmptyFileBecomesAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	must(t, os.WriteFile(path, nil, 0o666))
	write(t, openAt(t, path))
}

func TestWhatAKilledCreatorLeftIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	for _, leftover := range []string{".new", ".new-wal", ".lock"} {
		must(t, os.WriteFile(path+leftover, []byte("half"), 0o666))
	}
	write(t, openAt(t, path))
}

func TestEveryConnectionHasItsSettings(t *testing.T) {
	f := openTemp(t)
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"foreign_keys", "1"}, {"synchronous", "2"}, {"busy_timeout", "10000"},
	} {
		var got string
		must(t, f.write.QueryRow("PRAGMA "+want.pragma).Scan(&got))
		if got != want.value {
			t.Errorf("%s of the writer is %s, want %s", want.pragma, got, want.value)
		}
	}
	if _, err := f.read.Exec("DELETE FROM runs"); err == nil {
		t.Error("a reading connection could write")
	}
}

func TestEveryTableIsStrict(t *testing.T) {
	f := openTemp(t)
	rows := get(f.read.Query(`SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
		AND name NOT GLOB 'sqlite_*' AND name <> 'goose_db_version'`))(t)
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var name string
		var strict bool
		must(t, rows.Scan(&name, &strict))
		tables++
		if !strict {
			t.Errorf("table %s is not STRICT", name)
		}
	}
	if tables != 17 {
		t.Errorf("found %d tables, want 17", tables)
	}
}

func TestAnOlderSchemaIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	db := get(connect(t.Context(), path, time.Second, writing))(t)
	get(get(newProvider(db))(t).UpTo(t.Context(), 3))(t)
	must(t, db.Close())

	_, err := OpenReadOnly(t.Context(), path, Options{})
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != ErrReadOnly || e.Path != path || e.Help.Action != fault.UpgradeStore {
		t.Errorf("reading an older store: %#v", err)
	}
	for _, says := range []string{"version 3", fmt.Sprintf("to %d", get(NewestVersion())(t)), path} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not say %q: %v", says, err)
		}
	}

	// By several at once.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			f, err := Open(t.Context(), path, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if newest, err := NewestVersion(); err != nil || f.Version() != newest {
				t.Errorf("schema version %d, want %d: %v", f.Version(), newest, err)
			}
		})
	}
	wg.Wait()
	write(t, openAt(t, path))
}

func TestAMigrationThatArrivesLateIsMadeUpFor(t *testing.T) {
	known := get(knownVersions())(t)
	last := len(known) - 1
	path := filepath.Join(t.TempDir(), "s.db")
	db := get(connect(t.Context(), path, time.Second, writing))(t)
	p := get(newProvider(db))(t)
	get(p.UpTo(t.Context(), known[last-2]))(t)
	get(p.ApplyVersion(t.Context(), known[last], true))(t) // by a build that did not know the one before it
	if got := get(fileVersion(t.Context(), db))(t); got != known[last-2] {
		t.Errorf("without migration %d the schema version is %d, want %d", known[last-1], got, known[last-2])
	}
	must(t, db.Close())

	f := openAt(t, path)
	if f.Version() != known[last] {
		t.Errorf("schema version %d, want %d", f.Version(), known[last])
	}
	write(t, f)
}

func TestAStoreIsBuiltWholeOrItIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	must(t, Build(t.Context(), path, func(ctx context.Context, tx *sql.Tx) error {
		const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
		_, err := tx.ExecContext(ctx, `INSERT INTO sweep_runs (sweep, run_id, variant, setting) VALUES ('x', ?, '', '{}')`, id) // before either
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, created_at, started_at,
			heartbeat_at, pid, pid_started_at, host, boot) VALUES (?1, ?1, 'x', 'running', '', '0', '', '', 0, 0, 0, 0, 0, '', '')`, id)
		return errors.Join(err, insertRow(ctx)(tx))
	}))
	f := openAt(t, path)
	if n := written(t, f); n != 1 {
		t.Errorf("%d rows were written", n)
	}
	must(t, f.Integrity(t.Context()))

	wrong := errors.New("it could not be filled")
	err := Build(t.Context(), filepath.Join(t.TempDir(), "none.db"), func(context.Context, *sql.Tx) error { return wrong })
	if !errors.Is(err, wrong) {
		t.Errorf("the error is %v", err)
	}
}

func TestALockIsForOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.lock")
	unlock := get(Lock(t.Context(), path, time.Minute, "testing"))(t)
	_, err := Lock(t.Context(), path, 20*time.Millisecond, "holding it")
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != ErrLocked || !strings.Contains(err.Error(), "holding it for 20ms") {
		t.Errorf("while another holds it: %v", err)
	}
	unlock()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is left")
	}
	get(Lock(t.Context(), path, time.Minute, "testing"))(t)()
}
