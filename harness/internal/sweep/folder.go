package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"flowharness/harness/internal/label"

	"flowharness/harness/internal/files"
)

// Folder is what outlives the commands of a sweep: the tasks as their processes
// read them, how far each is, what was submitted, the stores of tasks that write
// their own, logs and reports. It lies beside the store.
type Folder string

// FolderOf is the folder of a sweep of a store, which is known by its path and its
// id; id is "" for a store that is yet to be made. The folder has the sweep's name,
// or, if that is the folder of another store's sweep, the beginning of the id
// besides.
func FolderOf(storePath, id, name string) Folder {
	folder := Folder(filepath.Join(foldersOf(storePath), label.Normal(name)))
	if owner := folder.store(); owner != "" && owner != id {
		return Folder(string(folder) + separator + id[:min(len(id), 8)])
	}
	return folder
}

// NeedsStore tells whether the folder has no name yet: see [FolderOf] of a store
// that is yet to be made.
func (f Folder) NeedsStore() bool { return strings.HasSuffix(string(f), separator) }

// separator stands before the id in the name of a folder; sweeps' names have none.
const separator = "~"

// foldersOf is where the folders of all sweeps of the stores of a folder are.
func foldersOf(storePath string) string { return filepath.Join(filepath.Dir(storePath), "sweeps") }

// Names lists the sweeps of a store that have a folder, of those recorded in it: a
// copy of the store has the same id, and its sweeps since then are its own. A folder
// that names no store was made before they did.
func Names(storePath, id string, recorded []string) []string {
	entries, err := os.ReadDir(foldersOf(storePath))
	if err != nil {
		return nil // there is no folder: no sweep was run
	}
	var names []string
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), separator)
		owner := Folder(filepath.Join(foldersOf(storePath), e.Name())).store()
		if e.IsDir() && (owner == id || owner == "") && slices.Contains(recorded, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Claim makes the folder and writes into it which store it belongs to.
func (f Folder) Claim(storeID string) error {
	if f.store() == storeID {
		return nil
	}
	if err := WriteFile(f.ownerPath(), []byte(storeID+"\n")); err != nil {
		return fmt.Errorf("making the folder of the sweep: %w", err)
	}
	return nil
}

// store is the id of the store that the folder belongs to; "" if it says none.
func (f Folder) store() string {
	text, err := os.ReadFile(f.ownerPath())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Paths within the folder.
func (f Folder) taskPath(key string) string { return filepath.Join(string(f), "tasks", key+".json") }
func (f Folder) taskReportPath(key string) string {
	return filepath.Join(string(f), "status", key+".json")
}
func (f Folder) sourcePath() string { return filepath.Join(string(f), "sweep.yaml") }
func (f Folder) planPath() string   { return filepath.Join(string(f), "plan.json") }
func (f Folder) ownerPath() string  { return filepath.Join(string(f), "store") }
func (f Folder) statePath() string  { return filepath.Join(string(f), "state.json") }

// LogPath is where what a task prints goes.
func (f Folder) LogPath(key string) string { return filepath.Join(string(f), "logs", key+".log") }

// ShardPath is the store of a task that writes its own.
func (f Folder) ShardPath(key string) string {
	return filepath.Join(string(f), "shards", key, "harness.db")
}

// ReportPath is where a report of the sweep goes: report.md, report.html.
func (f Folder) ReportPath(extension string) string {
	return filepath.Join(string(f), "report."+extension)
}

// ErrBusy reports a sweep that another process works on.
var ErrBusy = errors.New("the sweep is being run by another process")

// Lock makes this process the only one that works on the sweep, until unlock is
// called. It is [ErrBusy] if there is one.
func (f Folder) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the sweep: %w", err)
	}
	path := filepath.Join(string(f), "lock")
	lock := flock.New(path)
	ok, err := lock.TryLock()
	// Whoever asks for the owner at this moment locks the file, too.
	const attempts, pause = 10, 20 * time.Millisecond
	for i := 1; !ok && err == nil && i < attempts; i++ {
		time.Sleep(pause)
		ok, err = lock.TryLock()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("locking the sweep: %w", err)
	case !ok:
		owner, _ := os.ReadFile(path)
		return nil, fmt.Errorf("%w (%s): wait for it or stop it", ErrBusy, strings.TrimSpace(string(owner)))
	}
	host, _ := os.Hostname()
	if err := os.WriteFile(path, fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0o644); err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("locking the sweep: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil
}

// Owner is the process that holds the lock; 0 if none does.
func (f Folder) Owner() (pid int, host string) {
	path := filepath.Join(string(f), "lock")
	lock := flock.New(path)
	if ok, err := lock.TryRLock(); ok || err != nil {
		_ = lock.Unlock()
		return 0, ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, ""
	}
	if n, _ := fmt.Sscanf(string(text), "process %d on %s", &pid, &host); n != 2 {
		return 0, ""
	}
	return pid, host
}

// Memory is what a sweep remembers from one command to the next.
type Memory struct {
	File     string    `json:"file"`           // absolute path of the sweep file
	Launcher string    `json:"launcher"`       // of the latest command
	Code     string    `json:"code"`           // code version of the latest command
	AnyCode  bool      `json:"any_code"`       // whether runs of other code versions count
	Since    time.Time `json:"since,omitzero"` // runs created earlier do not count
	// Stopped are labels of trials that a search has stopped. Earlier versions kept
	// them here; now it is the status of their runs.
	Stopped []string `json:"stopped,omitempty"`
}

// Remember keeps the memory.
func (f Folder) Remember(m Memory) error { return writeJSON(f.statePath(), m) }

// StoppedEarlier tells whether a run is a trial that an earlier version of the
// program has stopped.
func (m Memory) StoppedEarlier(state State, variant string) bool {
	return state == StateInterrupted && slices.Contains(m.Stopped, variant)
}

// Recall returns the memory; nothing for a sweep that was not run before.
func (f Folder) Recall() (m Memory, err error) {
	err = readJSON(f.statePath(), &m)
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, nil
	}
	return m, err
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON writes a file that is there, and complete, after a power failure too.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(path, append(text, '\n'))
}

// noteJSON writes a file that the next start of the sweep writes again: tasks, of
// which there can be a hundred thousand, and how far they are.
func noteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeIn(path, append(text, '\n'), files.WriteFast)
}

// WriteFile writes a file that appears under its name only when complete and on disk.
func WriteFile(path string, text []byte) error { return writeIn(path, text, files.Write) }

func writeIn(path string, text []byte, write func(string, []byte) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return write(path, text)
}
