package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/record"

	"go.uber.org/goleak"
)

// TestMain also serves the tests that need a second process: they start this
// binary again with a role.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Getenv(storeVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const resolvedYAML = `
name: fm_mnist
seed: 3
process: {name: flow_match, shift: 1.0}
train: {lr: 1.0e-03, batch_size: 64}
sampling:
  steps: [4, 16]
  samplers: [{name: euler}, {name: heun}]
`

// openTemp opens a new store that is closed at the end of the test.
func openTemp(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "runs", "harness.db"))
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// newRun records a run; change may alter it before.
func newRun(t testing.TB, s *Store, name string, change ...func(*NewRun)) *Run {
	t.Helper()
	n := NewRun{Name: name, ConfigHash: "c0ffee", Seed: 3, Process: "flow_match", Dataset: "mnist", ResolvedYAML: resolvedYAML}
	for _, f := range change {
		f(&n)
	}
	run, err := s.CreateRun(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func openWriter(t testing.TB, s *Store, runID string) *Writer {
	t.Helper()
	w, err := s.OpenWriter(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	return w
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
	s := openAt(t, path)
	newRun(t, s, "x")
	if got, want := s.SchemaVersion(), get(newestVersion())(t); got != want {
		t.Errorf("schema version %d, want %d", got, want)
	}
	must(t, s.Integrity(t.Context()))
	must(t, s.Close())
	entries := get(os.ReadDir(dir))(t)
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the folder holds %v, want the store alone", entries)
	}
	if runs := get(openAt(t, path).ListRuns(t.Context(), Filter{}))(t); len(runs) != 1 {
		t.Errorf("found %d runs again, want 1", len(runs))
	}
}

func TestAnEmptyFileBecomesAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	must(t, os.WriteFile(path, nil, 0o666))
	newRun(t, openAt(t, path), "x")
}

func TestWhatAKilledCreatorLeftIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	for _, leftover := range []string{".new", ".new-wal", ".lock"} {
		must(t, os.WriteFile(path+leftover, []byte("half"), 0o666))
	}
	newRun(t, openAt(t, path), "x")
}

func TestEveryConnectionHasItsSettings(t *testing.T) {
	s := openTemp(t)
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"foreign_keys", "1"}, {"synchronous", "2"}, {"busy_timeout", "10000"},
	} {
		var got string
		must(t, s.write.QueryRow("PRAGMA "+want.pragma).Scan(&got))
		if got != want.value {
			t.Errorf("%s of the writer is %s, want %s", want.pragma, got, want.value)
		}
	}
	if _, err := s.read.Exec("DELETE FROM runs"); err == nil {
		t.Error("a reading connection could write")
	}
}

func TestEveryTableIsStrict(t *testing.T) {
	s := openTemp(t)
	rows := get(s.read.Query(`SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT GLOB 'sqlite_*' AND name <> 'goose_db_version'`))(t)
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

	_, err := OpenReadOnly(t.Context(), path)
	checkError(t, err, ErrReadOnly, "version 3", fmt.Sprintf("to %d", get(newestVersion())(t)), path, "for writing")

	// By several at once.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if newest, err := newestVersion(); err != nil || s.SchemaVersion() != newest {
				t.Errorf("schema version %d, want %d: %v", s.SchemaVersion(), newest, err)
			}
		})
	}
	wg.Wait()
	newRun(t, openAt(t, path), "x")
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

	s := openAt(t, path)
	if s.SchemaVersion() != known[last] {
		t.Errorf("schema version %d, want %d", s.SchemaVersion(), known[last])
	}
	run := newRun(t, s, "x")
	must(t, s.Archive(t.Context(), run.ID))
}

// badStores are files that cannot be opened, with the error and what its
// message must say.
var badStores = []struct {
	name string
	make func(t *testing.T, path string)
	kind error
	says []string
}{
	{"text", func(t *testing.T, path string) {
		must(t, os.WriteFile(path, []byte(strings.Repeat("name: quickstart\n", 20)), 0o666))
	}, ErrNotAStore, []string{"not a SQLite database", "another store"}},
	{"short text", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("hi"), 0o666)) },
		ErrNotAStore, []string{"not a SQLite database"}},
	{"folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o777)) }, ErrNotAStore, []string{"folder"}},
	{"database of another program", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(s.write.Exec("PRAGMA application_id = 7"))(t)
		must(t, s.Close())
	}, ErrNotAStore, []string{"another program"}},
	{"newer schema", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(s.write.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"))(t)
		must(t, s.Close())
	}, ErrNewerSchema, []string{"99", "update harness"}},
	{"no schema", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(s.write.Exec("DROP TABLE goose_db_version"))(t)
		must(t, s.Close())
	}, ErrCorrupt, []string{"schema version"}},
	{"header only", func(t *testing.T, path string) { truncateStore(t, path, 60) }, ErrCorrupt, []string{"60 bytes", "salvage"}},
	{"truncated", func(t *testing.T, path string) { truncateStore(t, path, 3*4096) }, ErrCorrupt, []string{"salvage"}},
	{"overwritten pages", func(t *testing.T, path string) {
		truncateStore(t, path, -1)
		data := get(os.ReadFile(path))(t)
		for i := 100; i < len(data); i++ {
			data[i] = 0xa5
		}
		must(t, os.WriteFile(path, data, 0o666))
	}, ErrCorrupt, []string{"salvage"}},
}

// truncateStore makes a store with a run in it, and cuts it off.
func truncateStore(t *testing.T, path string, size int64) {
	s := openAt(t, path)
	newRun(t, s, "x")
	must(t, s.Close())
	if size >= 0 {
		must(t, os.Truncate(path, size))
	}
}

func TestABadStoreIsRefusedUnchangedWithAdvice(t *testing.T) {
	for _, c := range badStores {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			for name, open := range map[string]func(context.Context, string) (*Store, error){"Open": Open, "OpenReadOnly": OpenReadOnly} {
				s, err := open(t.Context(), path)
				if err == nil {
					s.Close()
					t.Fatalf("%s succeeded", name)
				}
				checkError(t, err, c.kind, append(c.says, path)...)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// explained is an error with what would help.
func explained(err error) string { return err.Error() + ": " + string(fault.RemedyOf(err).Action) }

// checkError checks an error's kind, that its message is one line, and that it and what would help name all of says.
func checkError(t *testing.T, err, kind error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", kind)
	}
	matches := 0
	for _, k := range []error{ErrNotAStore, ErrNewerSchema, ErrCorrupt, ErrReadOnly, ErrLocked, ErrFull} {
		if errors.Is(err, k) {
			matches++
		}
	}
	if !errors.Is(err, kind) || matches != 1 {
		t.Errorf("error is not %v, or not only: %v", kind, err)
	}
	text := explained(err)
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("error does not say %q: %s", want, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has several lines: %v", err)
	}
}

func TestDamageInsideAStoreIsFoundByIntegrity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openAt(t, path)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for i := range 20000 {
		w.Point("train/loss", i, float64(i))
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	must(t, s.Integrity(t.Context()))
	must(t, s.Close())

	f := get(os.OpenFile(path, os.O_RDWR, 0))(t)
	size := get(f.Stat())(t).Size()
	get(f.WriteAt(bytes.Repeat([]byte{0xff}, 3*4096), size/2/4096*4096))(t)
	must(t, f.Close())
	s = openAt(t, path)
	checkError(t, s.Integrity(t.Context()), ErrCorrupt, path, "salvage")
	_, err := s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{})
	checkError(t, err, ErrCorrupt, "train/loss", path)
}

func TestALockedStoreFailsAfterTheTimeoutWithAdvice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := get(open(t.Context(), path, 50*time.Millisecond))(t)
	defer s.Close()
	run := newRun(t, s, "x")
	other := get(connect(t.Context(), path, time.Second, writing))(t)
	defer other.Close()
	tx := get(other.Begin())(t)
	_, err := s.CreateRun(t.Context(), NewRun{Name: "y", ResolvedYAML: "{}"})
	checkError(t, err, ErrLocked, "recording a new run", path, "wait")

	// Reading goes on, and so does a second program's start.
	if get(s.Run(t.Context(), run.ID))(t).Name != "x" {
		t.Error("reading a locked store failed")
	}
	must(t, get(open(t.Context(), path, 50*time.Millisecond))(t).Close())
	must(t, tx.Rollback())

	// Locked for good, as by a program that upgrades it.
	get(other.Exec("PRAGMA locking_mode = EXCLUSIVE"))(t)
	must(t, s.Close())
	get(other.Exec("PRAGMA user_version = 1"))(t)
	_, err = open(t.Context(), path, 50*time.Millisecond)
	checkError(t, err, ErrLocked, "opening the store", path, "wait")
	get(other.Exec("PRAGMA locking_mode = NORMAL"))(t)
	get(other.Exec("PRAGMA user_version = 0"))(t)
	openAt(t, path)
}
