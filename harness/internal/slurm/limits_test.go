package slurm

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flowharness/harness/internal/slurm/slurmtest"
)

func TestMaxArrayIsReadFromTheConfiguration(t *testing.T) {
	for _, test := range []struct {
		name, config string
		want         int
		err          string
	}{
		{"the usual", "Configuration data as of 2026\nMaxArraySize            = 1001\nMaxJobCount             = 10000\n", 1001, ""},
		{"none", "MaxJobCount = 10000\n", 0, ""},
		{"nothing", "", 0, ""},
		{"fewer tasks", "MaxArraySize = 1001\nSchedulerParameters     = bf_interval=1,max_array_tasks=50,defer\n", 50, ""},
		{"more tasks than indices", "MaxArraySize = 11\nSchedulerParameters = max_array_tasks=50\n", 11, ""},
		{"other parameters", "MaxArraySize = 11\nSchedulerParameters = (null)\n", 11, ""},
		{"no arrays", "MaxArraySize = 0\n", 0, "the cluster takes no job arrays"},
		{"no number", "MaxArraySize = many\n", 0, `MaxArraySize is "many", which is no number`},
		{"a negative number", "SchedulerParameters = max_array_tasks=-1\n", 0, `max_array_tasks is "-1", which is no number`},
	} {
		got, err := parseMaxArray(test.config)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %d, %v, want %d, %q", test.name, got, err, test.want, test.err)
		}
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	const policy = "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
	for _, test := range []struct {
		words string
		want  error
	}{
		{"Batch job submission failed: Invalid job array specification", ErrArraySize},
		{"AssocMaxSubmitJobLimit\n" + policy, ErrSubmitLimit},
		{"AssocGrpSubmitJobsLimit\n" + policy, ErrSubmitLimit},
		{"QOSMaxSubmitJobPerUserLimit\n" + policy, ErrSubmitLimit},
		{"QOSGrpSubmitJobsLimit\n" + policy, ErrSubmitLimit},
		{"MaxSubmitJobsPerAccount\n" + policy, ErrSubmitLimit},
		{policy, ErrPolicy},
		{"AssocMaxWallDurationPerJobLimit\n" + policy, nil},
		{"QOSMaxCpuPerJobLimit\n" + policy, nil},
		{"Batch job submission failed: Invalid account or account/partition combination specified", nil},
		{"Submit your jobs to another partition", nil},
	} {
		var script strings.Builder
		for line := range strings.Lines(test.words) {
			fmt.Fprintf(&script, "echo \"sbatch: error: %s\" >&2\n", strings.TrimSpace(line))
		}
		c := &Client{sbatch: pretend(t, t.TempDir(), "sbatch", script.String()+"exit 1"), timeout: callTimeout}
		_, err := c.Submit(t.Context(), valid())
		for _, kind := range []error{ErrArraySize, ErrSubmitLimit, ErrPolicy} {
			if errors.Is(err, kind) != (kind == test.want) {
				t.Errorf("%q is %v, want %v", test.words, err, test.want)
			}
		}
		if line, _, _ := strings.Cut(test.words, "\n"); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%q became %v", test.words, err)
		}
	}
}

func TestLimitsOfAClusterAreFoundAndMet(t *testing.T) {
	slurmtest.Start(t, slurmtest.MaxArraySize(4), slurmtest.MaxSubmitJobs(5, "AssocMaxSubmitJobLimit"))
	c, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.MaxArray(t.Context()); n != 4 || err != nil {
		t.Errorf("an array may have %d tasks, %v", n, err)
	}
	dir := t.TempDir()
	job := Job{Name: "many", Argv: []string{"/bin/sleep", "60"}, Dir: dir, Output: LiteralPath(dir) + "/%a.log", Tasks: []int{0, 1, 2, 3, 4}}
	if _, err := c.Submit(t.Context(), job); !errors.Is(err, ErrArraySize) {
		t.Errorf("five tasks: %v", err)
	}
	job.Tasks = []int{0, 1, 2, 3}
	first, err := c.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	job.Tasks = []int{0, 1}
	if _, err := c.Submit(t.Context(), job); !errors.Is(err, ErrSubmitLimit) || !strings.Contains(err.Error(), "AssocMaxSubmitJobLimit") {
		t.Errorf("two more than there is room for: %v", err)
	}
	job.Tasks, job.After = []int{0}, first
	last, err := c.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	await(t, c, first, []int{0, 1, 2, 3}, in("RUNNING"))
	await(t, c, last, []int{0}, func(task Task) bool { return task.Reason == "Dependency" })
	if err := c.Cancel(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	await(t, c, last, []int{0}, in("RUNNING"))
	if err := c.Cancel(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	// A job that the cluster knows no more is waited for no longer.
	job.After = "999999"
	if _, err := c.Submit(t.Context(), job); err != nil {
		t.Errorf("after a job that is not there: %v", err)
	}
}
