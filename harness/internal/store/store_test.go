package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile"
	"flowharness/harness/internal/store/storefile/storefiletest"

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

// writing is the connection by which a store writes.
func writing(t testing.TB, s *Store) *sql.DB {
	t.Helper()
	return get(s.file.Writing(t.Context()))(t)
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
		get(writing(t, s).Exec("PRAGMA application_id = 7"))(t)
		must(t, s.Close())
	}, ErrNotAStore, []string{"another program"}},
	{"newer schema", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(writing(t, s).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"))(t)
		must(t, s.Close())
	}, ErrNewerSchema, []string{"99", "update harness"}},
	{"no schema", func(t *testing.T, path string) {
		s := openAt(t, path)
		get(writing(t, s).Exec("DROP TABLE goose_db_version"))(t)
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

// openHurriedly opens a store that waits for others no longer than a moment.
func openHurriedly(t testing.TB, path string) (*Store, error) {
	return of(storefile.Open(t.Context(), path, storefile.Options{Busy: 20 * time.Millisecond}))
}

func TestALockedStoreFailsAfterTheTimeoutWithAdvice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := get(openHurriedly(t, path))(t)
	defer s.Close()
	run := newRun(t, s, "x")
	other := storefiletest.Connect(t, path)
	defer other.Close()
	tx := get(other.Begin())(t)
	_, err := s.CreateRun(t.Context(), NewRun{Name: "y", ResolvedYAML: "{}"})
	checkError(t, err, ErrLocked, "recording a new run", path, "wait")

	// Reading goes on, and so does a second program's start.
	if get(s.Run(t.Context(), run.ID))(t).Name != "x" {
		t.Error("reading a locked store failed")
	}
	must(t, get(openHurriedly(t, path))(t).Close())
	must(t, tx.Rollback())

	// Locked for good, as by a program that upgrades it.
	get(other.Exec("PRAGMA locking_mode = EXCLUSIVE"))(t)
	must(t, s.Close())
	get(other.Exec("PRAGMA user_version = 1"))(t)
	_, err = openHurriedly(t, path)
	checkError(t, err, ErrLocked, "opening the store", path, "wait")
	get(other.Exec("PRAGMA locking_mode = NORMAL"))(t)
	get(other.Exec("PRAGMA user_version = 0"))(t)
	openAt(t, path)
}
