package slurm

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Job is an array of tasks that run the same program. A task finds its index in SLURM_ARRAY_TASK_ID, and in
// SLURM_RESTART_COUNT, once it was requeued, how often. What is empty or 0 is left to the cluster's defaults.
type Job struct {
	Name string            // letters, digits, '.', '_' and '-'; [Client.Named] finds jobs by it
	Argv []string          // program, an absolute path, and its arguments; no line breaks
	Dir  string            // absolute; the program starts in it, and a task whose node lacks it fails
	Env  map[string]string // set for the program on top of what sbatch hands on (by default this environment)
	// Output is where a task's stdout and stderr go, appended if it is requeued: a pattern of sbatch's, such as
	// "/logs/%A_%a.log" for job and index; see [LiteralPath]. Its folder must exist.
	Output string

	Tasks       []int // the tasks' indices, at least one
	MaxParallel int   // so many run at once; 0 for no limit
	// After is the number of a job that must have ended, however, before a task starts; empty for none.
	After string

	Partition, Account string
	Time               string // limit for a task, as sbatch takes it, such as "1-12:00:00"
	CPUs, GPUs         int    // of a task
	Memory             string // of a task, such as "16G"
	// Requeue lets Slurm start a task again that was preempted or whose node failed. Without it such a task ends.
	Requeue bool
	// Grace is how long before its time limit a task is sent SIGTERM (Slurm may do so up to a minute earlier); 0 for
	// KillWait of slurm.conf after the limit, half a minute by default.
	Grace time.Duration

	Extra []string // more options of sbatch's, each as --name or --name=value
}

// Submit submits a job and returns its number. A job that is wrong in itself is refused before sbatch is asked; what
// sbatch refuses has its words, and is [ErrArraySize], [ErrSubmitLimit] or [ErrPolicy] if that is why. After any other error,
// and if ctx ends, the job may have been submitted all the same:
// [Client.Named] tells.
func (c *Client) Submit(ctx context.Context, job Job) (id string, err error) {
	args, script, err := job.Command()
	if err != nil {
		return "", fmt.Errorf("job %q: %w", job.Name, err)
	}
	out, err := c.run(ctx, script, c.sbatch, args...)
	if why := refused(err); why != nil {
		return "", fmt.Errorf("submitting job %q: %w: %w", job.Name, why, err)
	}
	if err != nil {
		return "", fmt.Errorf("submitting job %q: %w", job.Name, err)
	}
	// Where there are several clusters, the answer is "number;cluster".
	id, _, _ = strings.Cut(strings.TrimSuffix(out, "\n"), ";")
	if checkID(id) != nil {
		return "", fmt.Errorf("submitting job %q: %s answered %q, which is not a job number", job.Name, c.sbatch, shorten(out))
	}
	return id, nil
}

// Command returns the arguments of sbatch for a job and the script that it reads from stdin.
func (j Job) Command() (args []string, script string, err error) {
	if !validName.MatchString(j.Name) {
		return nil, "", fmt.Errorf("the name must consist of letters, digits, '.', '_' and '-'")
	}
	array, err := ranges(j.Tasks)
	if err != nil {
		return nil, "", err
	}
	for what, n := range map[string]int{"tasks in parallel": j.MaxParallel, "CPUs": j.CPUs, "GPUs": j.GPUs} {
		if n < 0 {
			return nil, "", fmt.Errorf("the number of %s must not be negative, got %d", what, n)
		}
	}
	if j.MaxParallel > 0 {
		array += "%" + strconv.Itoa(j.MaxParallel)
	}
	if err := checkOutput(j.Output); err != nil {
		return nil, "", err
	}
	if err := checkExtra(j.Extra); err != nil {
		return nil, "", err
	}
	script, err = j.script()
	if err != nil {
		return nil, "", err
	}
	if j.After != "" {
		if err := checkID(j.After); err != nil {
			return nil, "", err
		}
	}
	args = []string{"--parsable", "--job-name=" + j.Name, "--array=" + array,
		"--chdir=" + j.Dir, "--output=" + j.Output, "--open-mode=append"}
	if j.Requeue {
		args = append(args, "--requeue")
	} else {
		args = append(args, "--no-requeue")
	}
	if j.After != "" {
		args = append(args, "--dependency=afterany:"+j.After)
	}
	if j.CPUs > 0 {
		args = append(args, "--cpus-per-task="+strconv.Itoa(j.CPUs))
	}
	if j.GPUs > 0 {
		args = append(args, "--gres=gpu:"+strconv.Itoa(j.GPUs)) // which old clusters take, too
	}
	for _, option := range []struct{ name, value string }{
		{"partition", j.Partition}, {"account", j.Account}, {"time", j.Time}, {"mem", j.Memory},
	} {
		if option.value != "" {
			args = append(args, "--"+option.name+"="+option.value)
		}
	}
	if j.Grace != 0 {
		seconds := int(math.Ceil(j.Grace.Seconds()))
		if seconds < 1 || seconds > math.MaxUint16 {
			return nil, "", fmt.Errorf("the time before the limit must be between 1 s and %d s, got %v", math.MaxUint16, j.Grace)
		}
		// Without B: only steps started by srun would be signalled.
		args = append(args, fmt.Sprintf("--signal=B:TERM@%d", seconds))
	}
	return append(args, j.Extra...), script, nil
}

// LiteralPath returns a path as it is written in a [Job]'s Output so that sbatch takes nothing in it for a pattern.
func LiteralPath(path string) string { return strings.ReplaceAll(path, "%", "%%") }

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// checkOutput refuses what sbatch would take for another file.
func checkOutput(pattern string) error {
	if !filepath.IsAbs(pattern) {
		return fmt.Errorf("the output must be an absolute path, got %q", pattern)
	}
	// A backslash switches patterns off and disappears.
	if strings.ContainsAny(pattern, "\\\n\r\x00") {
		return fmt.Errorf("the output %q must have no backslash and no line break: sbatch would write elsewhere", pattern)
	}
	return nil
}

// checkExtra refuses what would not be an option, or would take away what the answers of this package rest on.
func checkExtra(extra []string) error {
	for _, option := range extra {
		name, ok := strings.CutPrefix(option, "--")
		name, _, _ = strings.Cut(name, "=")
		if !ok || name == "" {
			return fmt.Errorf("the option of sbatch %q must be written --name or --name=value", option)
		}
		for _, owned := range []string{"array", "chdir", "clusters", "help", "job-name", "no-requeue", "open-mode",
			"output", "parsable", "requeue", "test-only", "usage", "version", "wait", "wrap"} {
			// sbatch takes the beginning of a name for it if no other begins so.
			if owned == name || len(name) >= 2 && strings.HasPrefix(owned, name) {
				return fmt.Errorf("the option of sbatch %q cannot be given: --%s is set by this program, or would stop it from "+
					"following the job", option, owned)
			}
		}
	}
	return nil
}

// ranges writes indices as sbatch takes them: 0, 1, 2 and 5 are "0-2,5".
func ranges(indices []int) (string, error) {
	if len(indices) == 0 {
		return "", fmt.Errorf("there is no task")
	}
	sorted := slices.Sorted(slices.Values(indices))
	if sorted[0] < 0 {
		return "", fmt.Errorf("the index of a task must not be negative, got %d", sorted[0])
	}
	sorted = slices.Compact(sorted)
	var parts []string
	for i := 0; i < len(sorted); {
		last := i
		for last+1 < len(sorted) && sorted[last+1] == sorted[last]+1 {
			last++
		}
		part := strconv.Itoa(sorted[i])
		if last > i {
			part += "-" + strconv.Itoa(sorted[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ","), nil
}

// checkID refuses what is not a number of a job.
func checkID(id string) error {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != id {
		return fmt.Errorf("%q is not a job number", id)
	}
	return nil
}
