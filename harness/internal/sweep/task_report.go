package sweep

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TaskReport is how far a task is, as its process says.
type TaskReport struct {
	Task    string    `json:"task"`
	Attempt string    `json:"attempt"` // tells one start of the process from the next
	State   TaskState `json:"state"`
	Error   string    `json:"error,omitempty"` // why it failed
	Host    string    `json:"host"`
	PID     int       `json:"pid"`

	Run     string  `json:"run,omitempty"` // slug of the run that is made now, or was last
	Variant string  `json:"variant"`
	Doing   string  `json:"doing,omitempty"` // what it does, if it does not train
	Step    int     `json:"step"`
	Steps   int     `json:"steps"`
	Loss    float64 `json:"loss"`

	Updated time.Time `json:"updated,omitzero"`
}

// TaskState is the state of a task's process.
type TaskState string

// The states of tasks.
const (
	TaskRunning     TaskState = "running"
	TaskDone        TaskState = "done"        // its runs have ended, or paused where they were asked to
	TaskInterrupted TaskState = "interrupted" // it was told to stop, and can be continued
	TaskFailed      TaskState = "failed"
)

// Ended tells whether the process has said its last word.
func (s TaskState) Ended() bool { return s != "" && s != TaskRunning }

// WriteReport replaces what is known of a task.
func (f Folder) WriteReport(s TaskReport) error { return noteJSON(f.taskReportPath(s.Task), s) }

// ReadReport returns what is known of a task; nothing before its first start.
func (f Folder) ReadReport(key string) (s TaskReport, err error) {
	err = readJSON(f.taskReportPath(key), &s)
	if errors.Is(err, fs.ErrNotExist) {
		return TaskReport{Task: key}, nil
	}
	return s, err
}

// begun are the tasks of which something is known: looking for the files of ten
// thousand tasks that wait for their turn would take time from those at work.
func (f Folder) begun() map[string]bool {
	tasks := map[string]bool{}
	entries, err := os.ReadDir(filepath.Dir(f.taskReportPath("")))
	if err != nil {
		return tasks // none is
	}
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			tasks[key] = true
		}
	}
	return tasks
}
