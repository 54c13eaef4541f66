package slurm

import (
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// valid returns a job that nothing is wrong with.
func valid() Job {
	return Job{Name: "sweep-1", Argv: []string{"/bin/harness", "worker"}, Dir: "/work", Output: "/logs/%A_%a.log", Tasks: []int{0}}
}

func TestCommand(t *testing.T) {
	job := valid()
	job.Tasks, job.MaxParallel = []int{5, 0, 1, 2, 2, 7, 8}, 4
	job.Partition, job.Account, job.Time, job.Memory = "gpu", "lab", "1-12:00:00", "16G"
	job.CPUs, job.GPUs, job.Requeue, job.Grace = 8, 1, true, 90*time.Second+1
	job.Extra = []string{"--qos=high", "--exclusive"}
	job.Env = map[string]string{"B": "it's", "A": "1"}
	args, script, err := job.Command()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--parsable", "--job-name=sweep-1", "--array=0-2,5,7-8%4", "--chdir=/work", "--output=/logs/%A_%a.log",
		"--open-mode=append", "--requeue", "--cpus-per-task=8", "--gres=gpu:1", "--partition=gpu", "--account=lab", "--time=1-12:00:00",
		"--mem=16G", "--signal=B:TERM@91", "--qos=high", "--exclusive"}, args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	want := "#!/bin/sh\nexport A='1'\nexport B='it'\\''s'\ncd '/work' || exit\nexec '/bin/harness' 'worker'\n"
	if diff := cmp.Diff(want, script); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}

	args, _, err = valid().Command()
	if diff := cmp.Diff([]string{"--parsable", "--job-name=sweep-1", "--array=0", "--chdir=/work", "--output=/logs/%A_%a.log",
		"--open-mode=append", "--no-requeue"}, args); diff != "" || err != nil {
		t.Errorf("arguments of a job with defaults (-want +got):\n%s, %v", diff, err)
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Job)
		want   string
	}{
		{"no name", func(j *Job) { j.Name = "" }, "the name must consist of"},
		{"a name that squeue would take for two", func(j *Job) { j.Name = "a,b" }, "the name must consist of"},
		{"no task", func(j *Job) { j.Tasks = nil }, "there is no task"},
		{"a negative index", func(j *Job) { j.Tasks = []int{1, -1} }, "must not be negative, got -1"},
		{"a negative limit", func(j *Job) { j.MaxParallel = -1 }, "the number of tasks in parallel must not be negative, got -1"},
		{"negative CPUs", func(j *Job) { j.CPUs = -2 }, "the number of CPUs must not be negative, got -2"},
		{"negative GPUs", func(j *Job) { j.GPUs = -2 }, "the number of GPUs must not be negative, got -2"},
		{"no program", func(j *Job) { j.Argv = nil }, "the program must be an absolute path"},
		{"a program of the PATH", func(j *Job) { j.Argv = []string{"true"} }, `the program must be an absolute path, got ["true"]`},
		{"an argument with a line break", func(j *Job) { j.Argv = append(j.Argv, "a\nb") }, `argument 2: "a\nb" must have no line break`},
		{"an argument with a carriage return", func(j *Job) { j.Argv = append(j.Argv, "a\r") }, "must have no line break"},
		{"an argument with a NUL", func(j *Job) { j.Argv = append(j.Argv, "a\x00") }, "no NUL"},
		{"a relative folder", func(j *Job) { j.Dir = "work" }, `the folder must be an absolute path, got "work"`},
		{"a folder with a line break", func(j *Job) { j.Dir = "/a\nb" }, `the folder: "/a\nb" must have no line break`},
		{"a variable that is none", func(j *Job) { j.Env = map[string]string{"A=B": ""} }, `"A=B" cannot be the name of an environment variable`},
		{"a value with a line break", func(j *Job) { j.Env = map[string]string{"A": "\n"} }, "the environment variable A: "},
		{"a relative output", func(j *Job) { j.Output = "%a.log" }, "the output must be an absolute path"},
		{"an output with a backslash", func(j *Job) { j.Output = `/a\b` }, "no backslash"},
		{"a negative grace", func(j *Job) { j.Grace = -time.Second }, "the time before the limit must be between 1 s and 65535 s"},
		{"too long a grace", func(j *Job) { j.Grace = (math.MaxUint16 + 1) * time.Second }, "must be between"},
		{"an option without dashes", func(j *Job) { j.Extra = []string{"high"} }, `"high" must be written --name`},
		{"a short option", func(j *Job) { j.Extra = []string{"-phigh"} }, `"-phigh" must be written --name`},
		{"the end of options", func(j *Job) { j.Extra = []string{"--"} }, "must be written --name"},
		{"another array", func(j *Job) { j.Extra = []string{"--array=0-9"} }, "--array is set by this program"},
		{"another array, abbreviated", func(j *Job) { j.Extra = []string{"--ar=0-9"} }, "--array is set by this program"},
		{"a command", func(j *Job) { j.Extra = []string{"--wrap=true"} }, "--wrap is set"},
		{"waiting", func(j *Job) { j.Extra = []string{"--wait"} }, "--wait is set"},
		{"another cluster", func(j *Job) { j.Extra = []string{"--clusters=all"} }, "--clusters is set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			job := valid()
			test.change(&job)
			args, script, err := job.Command()
			if err == nil || !strings.Contains(err.Error(), test.want) || args != nil || script != "" {
				t.Errorf("got %q, %q, %v; want an error with %q", args, script, err, test.want)
			}
		})
	}
}

func TestEnvironmentLeavesOutASurroundingJob(t *testing.T) {
	got := environment([]string{"PATH=/bin", "SLURM_CONF=/c", "SLURM_RESTART_COUNT=3", "SLURM_ARRAY_TASK_ID=1",
		"SQUEUE_USERS=me", "SBATCH_ACCOUNT=lab"})
	if diff := cmp.Diff([]string{"PATH=/bin", "SLURM_CONF=/c", "SBATCH_ACCOUNT=lab"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzScript has a shell read the script back.
func FuzzScript(f *testing.F) {
	for _, arg := range []string{"", "it's", `a "b" $c`, "`id`", "\\", "*", "#", "~", "é\xff", "\t"} {
		f.Add(arg)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		job := valid()
		job.Argv, job.Dir = []string{"/usr/bin/printf", "%s|", arg, "end"}, "/"
		job.Env = map[string]string{"HARNESS_FUZZ": arg}
		_, script, err := job.Command()
		if strings.ContainsAny(arg, "\n\r\x00") != (err != nil) {
			t.Fatalf("%q: error is %v", arg, err)
		}
		if err != nil {
			return
		}
		out, err := exec.Command("/bin/sh", "-c", script).Output()
		if want := arg + "|end|"; err != nil || string(out) != want {
			t.Errorf("the program was given %q, want %q (%v)", out, want, err)
		}
	})
}

// FuzzRanges reads ranges back.
func FuzzRanges(f *testing.F) {
	f.Add([]byte{0, 1, 2, 5})
	f.Add([]byte{7, 7})
	f.Fuzz(func(t *testing.T, indices []byte) {
		var want []int
		for _, index := range indices {
			want = append(want, int(index))
		}
		text, err := ranges(want)
		if err != nil {
			if len(want) > 0 {
				t.Fatal(err)
			}
			return
		}
		slices.Sort(want)
		var got []int
		for part := range strings.SplitSeq(text, ",") {
			first, last, ok := strings.Cut(part, "-")
			if !ok {
				last = first
			}
			from, err1 := parseIndex(first)
			to, err2 := parseIndex(last)
			if err1 != nil || err2 != nil {
				t.Fatalf("%q: %v, %v", text, err1, err2)
			}
			for i := from; i <= to; i++ {
				got = append(got, i)
			}
		}
		if !slices.Equal(slices.Compact(want), got) {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	})
}
