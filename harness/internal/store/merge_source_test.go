package store

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store/storefile/storefiletest"
)

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
	get(db.Exec(`INSERT INTO runs (id, slug, name, status, config_hash, seed, process, dataset, created_at, started_at, heartbeat_at,
		pid, pid_started_at, host, boot)
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
