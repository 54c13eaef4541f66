package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(in("real"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"folder": "real", "file": "real/there", "dangling": "real/absent", "a": "b", "b": "a"} {
		if err := os.Symlink(target, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("real/there"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"file": "real/there", "folder/there": "real/there", "folder/new": "real/new", "dangling": "real/absent",
		"no/such/folder": "no/such/folder",
	} {
		if got, err := Resolve(in(path)); err != nil || got != in(want) {
			t.Errorf("%s leads to %s, %v; want %s", path, got, err, in(want))
		}
	}
	if got, err := Resolve(in("a")); err == nil {
		t.Errorf("a circle of links leads to %s", got)
	}
}

func TestWriteLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, write := range []func(string, []byte) error{Write, WriteFast} {
		if err := write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "folder"), nil); err == nil || !strings.Contains(err.Error(), "writing "+filepath.Join(dir, "folder")) {
		t.Errorf("a folder was written over: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v; want the file and the folder", entries, err)
	}
}

func TestCheckTargetOfLinkToStore(t *testing.T) {
	dir := t.TempDir()
	store, link := filepath.Join(dir, "s.db"), filepath.Join(dir, "picture.png")
	if err := os.WriteFile(store, []byte("SQLite format 3\x00 and so on"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("s.db-wal", link); err != nil { // the log does not exist: writing would make one
		t.Fatal(err)
	}
	if err := CheckTarget(link, PNG, true); !errors.Is(err, ErrInTheWay) {
		t.Errorf("got %v", err)
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for path, want := range map[string]string{"~": "/home/me", "~/x": "/home/me/x", "x/~": "x/~", "./~": "./~", "": ""} {
		if got, err := Expand(path); err != nil || got != want {
			t.Errorf("%q becomes %q, %v; want %q", path, got, err, want)
		}
	}
	if got, err := Expand("~you/x"); err == nil {
		t.Errorf("another's home becomes %q", got)
	}
	t.Setenv("HOME", "")
	if got, err := Expand("~/x"); err == nil {
		t.Errorf("without a home it becomes %q", got)
	}
}

func TestWriteKeepsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode || info.Size() != 3 {
			t.Errorf("%v, %v; want permissions %o", info, err, mode)
		}
	}
}

func TestAbortLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half of the n")); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

func TestCheckTargetOfDatabaseThatIsAllInItsLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	for _, name := range []string{path, path + "-wal"} {
		if err := CheckTarget(name, PNG, true); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, path + "-wal"} {
		if err := CheckTarget(name, PNG, true); !errors.Is(err, ErrInTheWay) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
