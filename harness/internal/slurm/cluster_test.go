package slurm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/slurm/slurmtest"
)

// programVariable has this binary be the program that tasks run.
const programVariable = "SLURM_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Exit(program(os.Args[1:]))
	}
	os.Exit(slurmtest.Main{M: m}.Run())
}

// program does what its first argument says: "show …" prints what it was given as JSON, "exit CODE" ends with a code,
// "kill" kills itself, "until FILE" waits for a file, and for SIGTERM, upon which it ends with 7.
func program(args []string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	switch args[0] {
	case "show":
		dir, _ := os.Getwd()
		_ = json.NewEncoder(os.Stdout).Encode(shown{args[1:], dir, os.Getenv(programVariable), os.Getenv("SLURM_ARRAY_TASK_ID")})
	case "exit":
		code, _ := strconv.Atoi(args[1])
		return code
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "until":
		fmt.Printf("start %q\n", os.Getenv("SLURM_RESTART_COUNT"))
		for range 1200 {
			select {
			case <-terminated:
				fmt.Println("terminated")
				return 7
			case <-time.After(50 * time.Millisecond):
			}
			if _, err := os.Stat(args[1]); err == nil {
				return 0
			}
		}
		return 1
	}
	return 0
}

type shown struct {
	Args                 []string
	Dir, Variable, Index string
}

func TestArrayRunsItsProgramWithItsArguments(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), `a 'folder' of "50%" $HOME`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"", "a b", "it's", `"`, "$HOME", "`id`", "$(id)", "*", `\`, "#SBATCH --hold", "-x", "é;&|<>", "'''", "tab\t"}
	id := submit(t, c, Job{Argv: append([]string{"show"}, args...), Dir: dir, Output: LiteralPath(dir) + "/%a.log", Tasks: []int{0, 2, 5},
		Env: map[string]string{programVariable: `the value's "$PATH"`}})
	tasks := await(t, c, id, []int{0, 2, 5}, over)
	for _, index := range []int{0, 2, 5} {
		want := Task{Index: index, State: "COMPLETED", Node: tasks[index].Node}
		if host, _ := os.Hostname(); tasks[index] != want || !strings.HasPrefix(host, want.Node) || want.Node == "" {
			t.Errorf("task %d is %+v, want %+v on this host", index, tasks[index], want)
		}
		data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.log", index)))
		if err != nil {
			t.Fatal(err)
		}
		var got shown
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if diff := cmp.Diff(shown{args, dir, `the value's "$PATH"`, strconv.Itoa(index)}, got); diff != "" {
			t.Errorf("task %d (-want +got):\n%s", index, diff)
		}
	}
}

func TestTaskWaitsRunsAndCompletes(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "go")
	id := submit(t, c, Job{Argv: []string{"until", file}, Dir: dir, Tasks: []int{0}, Extra: []string{"--begin=now+2"}})
	await(t, c, id, []int{0}, func(task Task) bool {
		return task.State == "PENDING" && task.State.Waiting() && task.Reason == "BeginTime"
	})
	running := await(t, c, id, []int{0}, in("RUNNING"))[0]
	if running.Node == "" || running.State.Over() || running.State.Waiting() {
		t.Errorf("a running task is %+v", running)
	}
	if names, err := c.Named(t.Context(), jobName(t)); err != nil || !slices.Equal(names, []string{id}) {
		t.Errorf("jobs of this name are %v, %v, want %s", names, err, id)
	}
	write(t, file)
	await(t, c, id, []int{0}, in("COMPLETED"))
	if names, err := c.Named(t.Context(), "no-such-job"); err != nil || len(names) != 0 {
		t.Errorf("jobs of another name are %v, %v", names, err)
	}
}

func TestMaxParallelLimitsWhatRuns(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "go")
	indices := []int{0, 1, 2, 3}
	id := submit(t, c, Job{Argv: []string{"until", file}, Dir: dir, Tasks: indices, MaxParallel: 2})
	awaitAll(t, c, id, indices, func(tasks map[int]Task) bool { return count(tasks, in("RUNNING")) == 2 })
	for range 15 { // the scheduler would start more within a second
		tasks, err := c.Tasks(t.Context(), id, indices)
		if err != nil || count(tasks, in("RUNNING")) != 2 || count(tasks, func(task Task) bool { return task.State.Waiting() }) != 2 {
			t.Fatalf("two of four tasks should run: %+v, %v", tasks, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	write(t, file)
	await(t, c, id, indices, in("COMPLETED"))
}

func TestFailuresOfTheProgramAreTold(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		argv []string
		want Task
	}{
		{"a program that ends with a code", []string{"exit", "3"}, Task{ExitCode: 3}},
		{"a program that is killed", []string{"kill"}, Task{Signal: 9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := submit(t, c, Job{Argv: test.argv, Dir: dir, Tasks: []int{4}})
			got := await(t, c, id, []int{4}, over)[4]
			got.Node, got.Reason = "", ""
			test.want.Index, test.want.State = 4, "FAILED"
			if got != test.want {
				t.Errorf("the task is %+v, want %+v", got, test.want)
			}
		})
	}
	t.Run("a folder that is not there", func(t *testing.T) {
		id := submit(t, c, Job{Argv: []string{"exit", "0"}, Dir: filepath.Join(dir, "gone"), Output: dir + "/gone.log", Tasks: []int{0}})
		await(t, c, id, []int{0}, in("FAILED"))
	})
}

func TestCancel(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	indices := []int{0, 1, 2, 3, 4}
	id := submit(t, c, Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: indices, MaxParallel: 3})
	awaitAll(t, c, id, indices, func(tasks map[int]Task) bool { return count(tasks, in("RUNNING")) == 3 })
	awaitFile(t, dir+"/0.log", "start")
	awaitFile(t, dir+"/1.log", "start")

	if err := c.Cancel(t.Context(), id, 1, 4); err != nil {
		t.Fatal(err)
	}
	await(t, c, id, []int{1}, in("CANCELLED"))
	tasks, err := c.Tasks(t.Context(), id, indices)
	if _, ok := tasks[4]; ok || err != nil {
		t.Errorf("a task cancelled before its start is %+v, %v; want none", tasks[4], err)
	}
	if tasks[0].State != "RUNNING" {
		t.Errorf("a task that was not cancelled is %+v", tasks[0])
	}
	awaitFile(t, dir+"/1.log", "terminated\n")

	for range 2 { // again is no error
		if err := c.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		await(t, c, id, []int{0, 1, 2, 3}, in("CANCELLED"))
	}
	awaitFile(t, dir+"/0.log", "terminated\n")
	if err := c.Cancel(t.Context(), "999999"); err != nil {
		t.Errorf("cancelling an unknown job: %v", err)
	}
}

func TestRequeueTerminatesTheProgramAndStartsItAgain(t *testing.T) {
	c := client(t)
	cluster := slurmtest.Shared(t)
	t.Parallel()
	dir := t.TempDir()
	id := submit(t, c, Job{Argv: []string{"until", filepath.Join(dir, "go")}, Dir: dir, Tasks: []int{3}, Requeue: true})
	await(t, c, id, []int{3}, in("RUNNING"))
	awaitFile(t, dir+"/3.log", "start")
	if err := cluster.Requeue(id, 3); err != nil {
		t.Fatal(err)
	}
	waiting := await(t, c, id, []int{3}, in("PENDING"))[3]
	if waiting.Restarts != 1 || waiting.Node != "" || waiting.State.Over() {
		t.Errorf("a requeued task is %+v, want one restart", waiting)
	}
	await(t, c, id, []int{3}, in("RUNNING"))
	// What it printed before it was requeued is still there.
	text := awaitFile(t, dir+"/3.log", `start "1"`)
	if !regexp.MustCompile(`(?s)start ""\n.*terminated\n.*start "1"\n`).MatchString(text) {
		t.Errorf("the program printed %q", text)
	}
	write(t, filepath.Join(dir, "go"))
	if done := await(t, c, id, []int{3}, in("COMPLETED"))[3]; done.Restarts != 1 {
		t.Errorf("a requeued task that completed is %+v, want one restart", done)
	}
}

func TestProgramIsTerminatedBeforeItsTimeLimit(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	id := submit(t, c, Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: []int{0}, Time: "1", Grace: 55 * time.Second})
	done := await(t, c, id, []int{0}, over)[0]
	if done.State != "FAILED" || done.ExitCode != 7 {
		t.Errorf("the task is %+v, want it to end by itself with 7", done)
	}
	awaitFile(t, dir+"/0.log", "terminated\n")
}

func TestSignalReachesTheProgram(t *testing.T) {
	c := client(t)
	cluster := slurmtest.Shared(t)
	t.Parallel()
	dir := t.TempDir()
	id := submit(t, c, Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: []int{0}})
	awaitFile(t, dir+"/0.log", "start")
	if err := cluster.Signal(id, 0, "TERM"); err != nil {
		t.Fatal(err)
	}
	if done := await(t, c, id, []int{0}, over)[0]; done.State != "FAILED" || done.ExitCode != 7 {
		t.Errorf("the task is %+v, want it to end with 7", done)
	}
}

func TestWhatSlurmRefusesHasItsWords(t *testing.T) {
	c := client(t)
	t.Parallel()
	for _, test := range []struct {
		name string
		job  Job
		want string
	}{
		{"an unknown partition", Job{Partition: "nope"}, "invalid partition specified: nope"},
		{"too much memory", Job{Memory: "100G"}, "Memory specification can not be satisfied"},
		{"more GPUs than there are", Job{GPUs: 3}, "Requested node configuration is not available"},
		{"a time that is none", Job{Time: "soon"}, "Invalid --time specification"},
		{"an index beyond the limit", Job{Tasks: []int{2_000_000}}, "Invalid job array specification"},
		{"an unknown option", Job{Extra: []string{"--no-such-option"}}, "unrecognized option '--no-such-option'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.job.Name, test.job.Argv, test.job.Dir, test.job.Output = jobName(t), []string{"/bin/true"}, dir, dir+"/%a.log"
			if test.job.Tasks == nil {
				test.job.Tasks = []int{0}
			}
			id, err := c.Submit(t.Context(), test.job)
			if err == nil || !strings.Contains(err.Error(), test.want) || id != "" || errors.Is(err, ErrUnavailable) {
				t.Errorf("got %q, %v; want an error with %q", id, err, test.want)
			}
			if ids, err := c.Named(t.Context(), test.job.Name); err != nil || len(ids) > 0 {
				t.Errorf("there are jobs all the same: %v, %v", ids, err)
			}
		})
	}
}

func TestWhatSlurmOffersIsUsed(t *testing.T) {
	c := client(t)
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "go")
	// The node has two GPUs: the third task waits.
	indices := []int{0, 1, 2}
	id := submit(t, c, Job{Argv: []string{"until", file}, Dir: dir, Tasks: indices, Partition: "main", GPUs: 1, CPUs: 2,
		Memory: "100M", Time: "10"})
	awaitAll(t, c, id, indices, func(tasks map[int]Task) bool {
		return count(tasks, in("RUNNING")) == 2 && count(tasks, func(task Task) bool { return task.Reason == "Resources" }) == 1
	})
	write(t, file)
	await(t, c, id, indices, in("COMPLETED"))
}

func TestPreemptedTaskIsRequeued(t *testing.T) {
	c := client(t)
	dir := t.TempDir()
	id := submit(t, c, Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: []int{0}, CPUs: 20, Requeue: true})
	awaitFile(t, dir+"/0.log", "start")
	urgent := submit(t, c, Job{Name: "urgent", Argv: []string{"exit", "0"}, Dir: dir, Output: dir + "/urgent.log", Tasks: []int{0}, CPUs: 20,
		Partition: "urgent"})
	waiting := await(t, c, id, []int{0}, func(task Task) bool { return task.State.Waiting() })[0]
	if waiting.Restarts != 1 {
		t.Errorf("a preempted task is %+v, want one restart", waiting)
	}
	awaitFile(t, dir+"/0.log", "terminated\n")
	await(t, c, urgent, []int{0}, in("COMPLETED"))
}

func TestNodeThatDies(t *testing.T) {
	c := client(t)
	cluster := slurmtest.Shared(t)
	dir := t.TempDir()
	job := Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: []int{0}}
	lost := submit(t, c, job)
	job.Name, job.Requeue, job.Output = jobName(t)+"-requeued", true, dir+"/requeued.log"
	requeued := submit(t, c, job)
	await(t, c, lost, []int{0}, in("RUNNING"))
	awaitFile(t, dir+"/requeued.log", "start")

	if err := cluster.KillNode(); err != nil {
		t.Fatal(err)
	}
	task := await(t, c, lost, []int{0}, over)[0]
	if task.State != "NODE_FAIL" {
		t.Errorf("a task whose node died is %+v", task)
	}
	task = await(t, c, requeued, []int{0}, func(task Task) bool { return task.State.Waiting() })[0]
	if task.Restarts != 1 {
		t.Errorf("a task whose node died and that may be requeued is %+v", task)
	}
	if err := cluster.StartNode(); err != nil {
		t.Fatal(err)
	}
	await(t, c, requeued, []int{0}, in("RUNNING"))
	if text := awaitFile(t, dir+"/requeued.log", `start "1"`); strings.Contains(text, "terminated") {
		t.Errorf("the node should have been killed, the program printed %q", text)
	}
}

func TestControllerThatForgets(t *testing.T) {
	c := client(t)
	cluster := slurmtest.Shared(t)
	dir := t.TempDir()
	id := submit(t, c, Job{Argv: []string{"until", "never"}, Dir: dir, Tasks: []int{0, 1}})
	await(t, c, id, []int{0, 1}, in("RUNNING"))
	if err := cluster.Forget(); err != nil {
		t.Fatal(err)
	}
	if tasks, err := c.Tasks(t.Context(), id, []int{0, 1}); err != nil || len(tasks) != 0 {
		t.Errorf("tasks of a forgotten job are %+v, %v", tasks, err)
	}
	next := submit(t, c, Job{Argv: []string{"exit", "0"}, Dir: dir, Tasks: []int{0}})
	if len(next) <= len(id) {
		t.Errorf("the job after it is %s, want a number that no job had", next)
	}
	await(t, c, next, []int{0}, in("COMPLETED"))
}

func TestControllerThatIsAway(t *testing.T) {
	c := client(t)
	cluster := slurmtest.Shared(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "go")
	id := submit(t, c, Job{Argv: []string{"until", file}, Dir: dir, Tasks: []int{0}})
	await(t, c, id, []int{0}, in("RUNNING"))
	cluster.StopController()
	var asking sync.WaitGroup
	for name, ask := range map[string]func() error{
		"Submit": func() error {
			_, err := c.Submit(t.Context(), Job{Name: "away", Argv: []string{"/bin/true"}, Dir: dir, Output: dir + "/away", Tasks: []int{0}})
			return err
		},
		"Tasks":  func() error { _, err := c.Tasks(t.Context(), id, []int{0}); return err },
		"Named":  func() error { _, err := c.Named(t.Context(), "away"); return err },
		"Cancel": func() error { return c.Cancel(t.Context(), id) },
	} {
		asking.Go(func() {
			if err := ask(); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "Unable to contact slurm controller") {
				t.Errorf("%s gives %v, want ErrUnavailable with Slurm's words", name, err)
			}
		})
	}
	asking.Wait()
	if err := cluster.StartController(); err != nil {
		t.Fatal(err)
	}
	await(t, c, id, []int{0}, in("RUNNING"))
	write(t, file)
	await(t, c, id, []int{0}, in("COMPLETED"))
}

func TestClustersKeepApart(t *testing.T) {
	c := client(t)
	shared := slurmtest.Shared(t)
	var dir string
	t.Run("another", func(t *testing.T) {
		other := slurmtest.Start(t)
		dir = filepath.Dir(other.Conf)
		id := submit(t, c, Job{Name: "apart", Argv: []string{"until", "never"}, Dir: t.TempDir(), Tasks: []int{0}})
		await(t, c, id, []int{0}, in("RUNNING"))
		t.Setenv("SLURM_CONF", shared.Conf)
		if ids, err := c.Named(t.Context(), "apart"); err != nil || len(ids) > 0 {
			t.Errorf("the shared cluster has the other's jobs %v, %v", ids, err)
		}
	})
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the other cluster's folder should be gone: %v", err)
	}
	id := submit(t, c, Job{Argv: []string{"exit", "0"}, Dir: t.TempDir(), Tasks: []int{0}})
	await(t, c, id, []int{0}, in("COMPLETED"))
}

// client returns a client of the shared cluster.
func client(t *testing.T) *Client {
	t.Helper()
	slurmtest.Shared(t)
	c, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// submit submits a job that runs this binary's program with the arguments Argv, and cancels it when the test ends.
func submit(t *testing.T, c *Client, job Job) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	job.Argv = append([]string{self}, job.Argv...)
	if job.Name == "" {
		job.Name = jobName(t)
	}
	if job.Output == "" {
		job.Output = LiteralPath(job.Dir) + "/%a.log"
	}
	if job.Env == nil {
		job.Env = map[string]string{programVariable: "yes"}
	}
	id, err := c.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Cancel(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	return id
}

func jobName(t *testing.T) string {
	return regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-")
}

// await asks for tasks until all are as wanted.
func await(t *testing.T, c *Client, id string, indices []int, wanted func(Task) bool) map[int]Task {
	t.Helper()
	return awaitAll(t, c, id, indices, func(tasks map[int]Task) bool { return count(tasks, wanted) == len(indices) })
}

func awaitAll(t *testing.T, c *Client, id string, indices []int, wanted func(map[int]Task) bool) map[int]Task {
	t.Helper()
	var tasks map[int]Task
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if tasks, err = c.Tasks(t.Context(), id, indices); err != nil {
			t.Fatal(err)
		}
		if wanted(tasks) {
			return tasks
		}
	}
	log, _ := slurmtest.Shared(t).Log()
	t.Fatalf("job %s does not get on: %+v; the controller's log ends\n%s", id, tasks, log[max(0, len(log)-3000):])
	return nil
}

// awaitFile reads a file until it holds a text.
func awaitFile(t *testing.T, path, text string) string {
	t.Helper()
	var data []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		data, _ = os.ReadFile(path)
		if strings.Contains(string(data), text) {
			return string(data)
		}
	}
	t.Fatalf("%s holds %q, want %q in it", path, data, text)
	return ""
}

func count(tasks map[int]Task, wanted func(Task) bool) int {
	n := 0
	for _, task := range tasks {
		if wanted(task) {
			n++
		}
	}
	return n
}

func in(state State) func(Task) bool { return func(task Task) bool { return task.State == state } }

func over(task Task) bool { return task.State.Over() }

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
