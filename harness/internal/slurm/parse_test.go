package slurm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row pads fields as squeue does.
func row(columns []column, fields ...string) string {
	var b strings.Builder
	for i, field := range fields {
		b.WriteString(field + strings.Repeat(" ", columns[i].width-len(field)))
	}
	return b.String() + "\n"
}

func TestParseQueue(t *testing.T) {
	waiting := row(taskColumns, "12", "3", "PENDING", "0", "0", "n/a", "Nodes required for job are DOWN, DRAINED or reserved")
	failed := row(taskColumns, "12", "0", "FAILED", "2", "1792", "node-7", "NonZeroExitCode")
	killed := row(taskColumns, "12", "1", "FAILED", "0", "9", "node-7", "None")
	newer := row(taskColumns, "12", "1", "FAILED", "0", "7:0", "node-7", "None")
	unset := row(taskColumns, "12", "1", "SIGNALING", "0", "4294967294", "", "None")
	for _, test := range []struct {
		name, out string
		want      map[int]Task
		err       string
	}{
		{"nothing", "", map[int]Task{}, ""},
		{"tasks", waiting + failed + killed, map[int]Task{
			0: {0, "FAILED", "NonZeroExitCode", 7, 0, "node-7", 2},
			1: {1, "FAILED", "", 0, 9, "node-7", 0},
			3: {3, "PENDING", "Nodes required for job are DOWN, DRAINED or reserved", 0, 0, "", 0}}, ""},
		{"the last column without padding", strings.TrimRight(failed, " \n"),
			map[int]Task{0: {0, "FAILED", "NonZeroExitCode", 7, 0, "node-7", 2}}, ""},
		{"an exit code with a signal", newer, map[int]Task{1: {1, "FAILED", "", 7, 0, "node-7", 0}}, ""},
		{"a state of a newer version, and no exit code", unset, map[int]Task{1: {1, "SIGNALING", "", 0, 0, "", 0}}, ""},

		{"another job", strings.Replace(waiting, "12", "13", 1), nil, `a task of job "13", asked for 12`},
		{"a task twice", failed + failed, nil, "task 0 twice"},
		{"a short line", "slurm is being upgraded\n", nil, "a line that ends before ArrayTaskID"},
		{"a long line", strings.TrimSuffix(waiting, "\n") + "x\n", nil, "too long"},
		{"an empty line", "\n" + waiting, nil, "a line that ends before ArrayJobID"},
		{"a job that is no array", strings.Replace(waiting, " 3  ", " N/A", 1), nil, `"N/A" is not the index`},
		{"tasks in one line", strings.Replace(waiting, " 3  ", " 3-4", 1), nil, `"3-4" is not the index`},
		{"a state in another language", strings.Replace(waiting, "PENDING", "wartend", 1), nil, `"wartend" is not the state`},
		{"a restart count that is none", row(taskColumns, "12", "3", "PENDING", "-1", "0", "", ""), nil, `"-1" is not a number of restarts`},
		{"an exit code that is none", row(taskColumns, "12", "3", "PENDING", "0", "a:b", "", ""), nil, `"a:b" is not an exit code`},
		{"an exit code beyond the range", row(taskColumns, "12", "3", "PENDING", "0", "256:0", "", ""), nil, `"256:0" is not an exit code`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseQueue("12", test.out)
			checkParsed(t, test.want, got, test.err, err)
		})
	}
}

func TestParseAccounts(t *testing.T) {
	for _, test := range []struct {
		name, out string
		want      map[int]Task
		err       string
	}{
		{"nothing", "", map[int]Task{}, ""},
		{"tasks", "12_0|COMPLETED|0:0|n1\n12_1|CANCELLED by 1000|0:15|n1\n12_2|FAILED|7:0|n[1-2]\n12_3|CANCELLED|0:0|None assigned\n" +
			"12_[5-7%2]|PENDING|0:0|None assigned\n", map[int]Task{
			0: {0, "COMPLETED", "", 0, 0, "n1", 0},
			1: {1, "CANCELLED", "", 0, 15, "n1", 0},
			2: {2, "FAILED", "", 7, 0, "n[1-2]", 0},
			3: {3, "CANCELLED", "", 0, 0, "", 0}}, ""},
		{"another job", "121_0|COMPLETED|0:0|n1\n", nil, "a task of another job than 12"},
		{"too few fields", "12_0|COMPLETED\n", nil, "a line of 2 fields, not 4"},
		{"words", "Slurm is away\n", nil, "a line of 1 fields"},
		{"a step", "12_0.batch|COMPLETED|0:0|n1\n", nil, `"0.batch" is not the index`},
		{"no state", "12_0||0:0|n1\n", nil, `"" is not the state`},
		{"no exit code", "12_0|FAILED||n1\n", nil, `"" is not an exit code`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseAccounts("12", test.out)
			checkParsed(t, test.want, got, test.err, err)
		})
	}
}

func TestParseJobs(t *testing.T) {
	out := row(jobColumns, "100", "RUNNING", "None") + row(jobColumns, "99", "COMPLETED", "None") + row(jobColumns, "100",
		"PENDING", "Priority") +
		row(jobColumns, "101", "FAILED", "BadConstraints")
	got, err := parseJobs(out)
	checkParsed(t, []string{"99", "100"}, got, "", err)
	got, err = parseJobs("CLUSTER: one\n" + out)
	checkParsed(t, nil, got, "a line that ends before ArrayJobID", err)
}

func TestStatesAreOverOrWaitingOrNeither(t *testing.T) {
	for _, test := range []struct {
		state         State
		over, waiting bool
	}{
		{"COMPLETED", true, false}, {"FAILED", true, false}, {"CANCELLED", true, false}, {"TIMEOUT", true, false},
		{"NODE_FAIL", true, false}, {"PREEMPTED", true, false}, {"OUT_OF_MEMORY", true, false},
		{"PENDING", false, true}, {"REQUEUED", false, true},
		{"RUNNING", false, false}, {"COMPLETING", false, false}, {"SUSPENDED", false, false}, {"CONFIGURING", false, false},
	} {
		if test.state.Over() != test.over || test.state.Waiting() != test.waiting {
			t.Errorf("%s: over %v, waiting %v; want %v, %v", test.state, test.state.Over(), test.state.Waiting(), test.over, test.waiting)
		}
	}
}

func FuzzParseQueue(f *testing.F) {
	f.Add(row(taskColumns, "12", "3", "PENDING", "0", "0", "n/a", "Priority"))
	f.Add(row(taskColumns, "12", "0", "FAILED", "2", "1792", "node-7", "NonZeroExitCode"))
	f.Add("12 3 PENDING\n")
	f.Fuzz(func(t *testing.T, out string) {
		tasks, err := parseQueue("12", out)
		checkTasks(t, tasks, err)
		if len(tasks) > strings.Count(out, "12") {
			t.Errorf("%d tasks out of %q", len(tasks), out)
		}
	})
}

func FuzzParseAccounts(f *testing.F) {
	f.Add("12_0|COMPLETED|0:0|n1\n12_1|CANCELLED by 1000|0:15|n1\n")
	f.Add("12_[5-7%2]|PENDING|0:0|None assigned\n")
	f.Fuzz(func(t *testing.T, out string) {
		tasks, err := parseAccounts("12", out)
		checkTasks(t, tasks, err)
		if len(tasks) > strings.Count(out, "12_") {
			t.Errorf("%d tasks out of %q", len(tasks), out)
		}
	})
}

// checkTasks checks what holds for whatever was parsed.
func checkTasks(t *testing.T, tasks map[int]Task, err error) {
	t.Helper()
	if err != nil && tasks != nil {
		t.Errorf("tasks and an error: %v, %v", tasks, err)
	}
	for index, task := range tasks {
		if task.Index != index || index < 0 || !validState.MatchString(string(task.State)) || task.Restarts < 0 ||
			task.ExitCode < 0 || task.ExitCode > 255 || task.Signal < 0 || task.Signal > 255 {
			t.Errorf("task %d is %+v", index, task)
		}
	}
}

func checkParsed[T any](t *testing.T, want, got T, wantErr string, err error) {
	t.Helper()
	if (err != nil) != (wantErr != "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		t.Fatalf("error is %v, want %q", err, wantErr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
