package slurm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFindSaysWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		name, want string
		commands   []string
	}{
		{"no Slurm", "no command sbatch in the PATH", nil},
		{"no squeue", "no command squeue in the PATH", []string{"sbatch"}},
		{"no scancel", "no command scancel in the PATH", []string{"sbatch", "squeue"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range test.commands {
				pretend(t, dir, name, "")
			}
			t.Setenv("PATH", dir)
			c, err := Find()
			if c != nil || err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "--launcher local") {
				t.Errorf("got %v, %v; want an error with %q and what to do", c, err, test.want)
			}
		})
	}
}

func TestAnswersThatAreNoneAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, script string
		want         string // in the error; "" for the job 42
		unavailable  bool
	}{
		{"a number", "echo 42", "", false},
		{"a number and a cluster", "echo '42;big'", "", false},
		{"nothing", "", `sbatch answered "", which is not a job number`, false},
		{"words", "echo Submitted batch job 42", `sbatch answered "Submitted batch job 42\n", which is not a job number`, false},
		{"two lines", "echo 42; echo 43", "which is not a job number", false},
		{"zero", "echo 0", "which is not a job number", false},
		{"a negative number", "echo -42", "which is not a job number", false},
		{"bytes", `printf '\377\000'`, "which is not a job number", false},
		{"a failure without words", "exit 3", "sbatch: exit status 3", false},
		{"a failure with words", "echo sbatch: error: no account >&2; echo 'sbatch: error: Batch job submission failed' >&2; exit 1",
			"sbatch: no account; Batch job submission failed", false},
		{"a controller that is away", "echo sbatch: error: Unable to contact slurm controller >&2; exit 1",
			"Unable to contact slurm controller", true},
		{"a command that hangs", "exec sleep 30", "has not ended after", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Client{sbatch: pretend(t, t.TempDir(), "sbatch", test.script), timeout: 2 * time.Second}
			id, err := c.Submit(t.Context(), valid())
			if test.want == "" {
				if id != "42" || err != nil {
					t.Errorf("got %q, %v; want 42", id, err)
				}
				return
			}
			if id != "" || err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrUnavailable) != test.unavailable {
				t.Errorf("got %q, %v; want an error with %q, unavailable %v", id, err, test.want, test.unavailable)
			}
		})
	}
}

func TestEndedContextEndsTheCommand(t *testing.T) {
	c := &Client{sbatch: pretend(t, t.TempDir(), "sbatch", "exec sleep 30"), timeout: callTimeout}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Submit(ctx, valid()); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestNumbersThatAreNoneAreRefused(t *testing.T) {
	c := &Client{timeout: callTimeout} // which has no commands to ask
	for _, id := range []string{"", "0", "-1", "007", "12_3", "--all", "1,2", "99999999999"} {
		if _, err := c.Tasks(t.Context(), id, []int{0}); err == nil || !strings.Contains(err.Error(), "is not a job number") {
			t.Errorf("Tasks of %q: %v", id, err)
		}
		if err := c.Cancel(t.Context(), id); err == nil || !strings.Contains(err.Error(), "is not a job number") {
			t.Errorf("Cancel of %q: %v", id, err)
		}
	}
	if err := c.Cancel(t.Context(), "1", -1); err == nil || !strings.Contains(err.Error(), "must not be negative") {
		t.Errorf("Cancel of task -1: %v", err)
	}
	if _, err := c.Named(t.Context(), "a,b"); err == nil || !strings.Contains(err.Error(), "cannot be the name of a job") {
		t.Errorf("Named of two names: %v", err)
	}
}

// pretend writes a shell script that stands in for a command, and returns its path.
func pretend(t *testing.T, dir, name, script string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
