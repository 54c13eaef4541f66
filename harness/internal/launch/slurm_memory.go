package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"flowharness/harness/internal/sweep"
)

// recall reads what was submitted by earlier commands, and finds the numbers of
// arrays whose submission was cut short.
func (l *Slurm) recall(ctx context.Context) error {
	text, err := os.ReadFile(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what was submitted: %w", err)
	}
	l.jobs = nil
	if err := json.Unmarshal(text, &l.jobs); err != nil {
		return fmt.Errorf("reading what was submitted: %s: %w", l.path(), err)
	}
	for _, job := range l.jobs {
		if len(job.Settled) != len(job.Tasks) {
			return fmt.Errorf("reading what was submitted: %s: job %s is damaged", l.path(), job.Name)
		}
		if job.Job == "" {
			if err := l.find(ctx, job); err != nil {
				return err
			}
		}
	}
	l.jobs = slices.DeleteFunc(l.jobs, func(job *jobArray) bool { return job.over() || job.Job == "" })
	return nil
}

// remember writes down what is in the queue.
func (l *Slurm) remember() error {
	text, err := json.MarshalIndent(l.jobs, "", "  ")
	if err == nil {
		err = sweep.WriteFile(l.path(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing down what was submitted: %w", err)
	}
	return nil
}

func (l *Slurm) path() string { return filepath.Join(string(l.Folder), "slurm.json") }

// writeArray leaves the tasks of an array to its processes.
func (l *Slurm) writeArray(job *jobArray) (string, error) {
	path, err := filepath.Abs(l.arrayPath(job))
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(job.Tasks)
	if err == nil {
		err = sweep.WriteFile(path, text)
	}
	if err != nil {
		return "", fmt.Errorf("writing the tasks of an array: %w", err)
	}
	return path, nil
}

func (l *Slurm) arrayPath(job *jobArray) string {
	return filepath.Join(string(l.Folder), "arrays", job.Name+".json")
}

// ReadArray returns the task of an array with an index.
func ReadArray(path string, index int) (key string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the tasks of the array: %w", err)
	}
	var tasks []string
	if err := json.Unmarshal(text, &tasks); err != nil {
		return "", fmt.Errorf("reading the tasks of the array: %s: %w", path, err)
	}
	if index < 0 || index >= len(tasks) {
		return "", fmt.Errorf("the array %s has %d tasks, none with the index %d", path, len(tasks), index)
	}
	return tasks[index], nil
}

// open are the indices of tasks whose end was not noticed yet.
func (j *jobArray) open() []int {
	var open []int
	for i, settled := range j.Settled {
		if !settled {
			open = append(open, i)
		}
	}
	return open
}

func (j *jobArray) over() bool { return !slices.Contains(j.Settled, false) }
