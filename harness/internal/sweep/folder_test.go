package sweep

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAPlanThatIsWrittenIsReadAgain(t *testing.T) {
	folder := FolderOf(filepath.Join(t.TempDir(), "harness.db"), "", "some")
	if _, err := folder.ReadPlan(); !errors.Is(err, ErrNotRun) {
		t.Errorf("without a plan: %v", err)
	}
	f := load(t, "matrix: {train.lr: [1e-3, 2e-3], sampling.steps: [[1], [2]]}\nseeds: [0, 1]\njobs: 3")
	p, err := f.Plan(t.Context(), MaxRuns)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now().UTC().Truncate(time.Millisecond)
	if err := folder.WritePlan(p, Recognition{Code: "abc", Since: since}); err != nil {
		t.Fatal(err)
	}
	// It is as it was planned, whatever has become of the files.
	for _, path := range []string{f.Path, f.Base} {
		if err := os.WriteFile(path, []byte("seed: 7"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again, err := folder.ReadPlan()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Variants, again.Variants); diff != "" {
		t.Errorf("variants (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(p.File, again.File); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if !slices.Equal(p.Hashes(), again.Hashes()) || len(again.Tasks) != 4 {
		t.Errorf("%d tasks with the runs %v, want %v", len(again.Tasks), again.Hashes(), p.Hashes())
	}
	for i, task := range again.Tasks {
		spec, err := folder.ReadTask(task.Key())
		if err != nil || task.Key() != p.Tasks[i].Key() || spec.Sweep != "some" || spec.Code != "abc" || !spec.Since.Equal(since) ||
			len(spec.Runs) != 2 {
			t.Errorf("task %d is %+v, %v", i, spec, err)
		}
		for j, r := range task.Runs {
			want := p.Tasks[i].Runs[j]
			if r.Variant != want.Variant || string(r.Config.Source) != string(want.Config.Source) || !slices.Equal(r.Config.Overrides,
				want.Config.Overrides) {
				t.Errorf("run %d of task %d is %+v", j, i, r)
			}
		}
	}
}

func TestATaskOfAnotherProgramIsRefused(t *testing.T) {
	p := plan(t, "")
	r := RunToMake{Variant: "tiny", Hash: strings.Repeat("0", 64), Config: string(p.Tasks[0].Runs[0].Config.YAML)}
	if _, err := r.Resolve(); err == nil || !strings.Contains(err.Error(), "use the same program on all machines") {
		t.Errorf("error is %v", err)
	}
}

func TestDamagedFilesOfASweepAreNamed(t *testing.T) {
	folder := FolderOf(filepath.Join(t.TempDir(), "harness.db"), "", "some")
	p := plan(t, "")
	if err := folder.WritePlan(p, Recognition{}); err != nil {
		t.Fatal(err)
	}
	key := p.Tasks[0].Key()
	for _, tc := range []struct{ path, text, want string }{
		{folder.taskPath(key), "{", "reading the task " + key + ": " + folder.taskPath(key) + ": unexpected end of JSON input"},
		{folder.taskPath(key), "{}", "reading the task " + key + ": it holds no runs"},
		{folder.planPath(), "", "reading the plan of the sweep: " + folder.planPath() + ": unexpected end of JSON input"},
	} {
		if err := os.WriteFile(tc.path, []byte(tc.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := folder.ReadPlan(); err == nil || err.Error() != tc.want {
			t.Errorf("error is %v, want %s", err, tc.want)
		}
	}
}

func TestOneProcessAtATimeRunsASweep(t *testing.T) {
	if dir := os.Getenv("HARNESS_TEST_LOCK"); dir != "" { // this is the other process
		if _, err := Folder(dir).Lock(); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		select {}
	}
	folder := Folder(filepath.Join(t.TempDir(), "sweeps", "some"))
	other := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	other.Env = append(os.Environ(), "HARNESS_TEST_LOCK="+string(folder))
	out, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer other.Process.Kill()
	if _, err := out.Read(make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if pid, where := folder.Owner(); pid != other.Process.Pid || where != host {
		t.Errorf("the owner is %d on %s", pid, where)
	}
	if _, err := folder.Lock(); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on %s",
		other.Process.Pid, host)) {
		t.Errorf("error is %v", err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
	if pid, _ := folder.Owner(); pid != 0 {
		t.Errorf("the owner of what nobody runs is %d", pid)
	}
	unlock, err := folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestWhoLooksAtASweepDoesNotKeepItFromStarting(t *testing.T) {
	folder := Folder(t.TempDir())
	stop := make(chan struct{})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
				folder.Owner()
			}
		}
	}()
	for range 200 {
		unlock, err := folder.Lock()
		if err != nil {
			t.Error(err)
			break
		}
		unlock()
	}
	close(stop)
	<-looked
}

func TestFoldersOfTwoStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harness.db")
	mine, other := "1111111111111111", "2222222222222222"
	folder := FolderOf(path, mine, "some")
	if err := folder.Claim(mine); err != nil {
		t.Fatal(err)
	}
	theirs := FolderOf(path, other, "some")
	if theirs == folder || theirs.NeedsStore() {
		t.Fatalf("both stores have the folder %s", theirs)
	}
	if err := theirs.Claim(other); err != nil {
		t.Fatal(err)
	}
	if !FolderOf(path, "", "some").NeedsStore() || FolderOf(path, "", "new").NeedsStore() {
		t.Error("a store that is yet to be made takes another's folder, or none at all")
	}
	old := FolderOf(path, mine, "old") // from before folders named their store
	if err := old.Remember(Memory{}); err != nil {
		t.Fatal(err)
	}
	if err := FolderOf(path, other, "only").Claim(other); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id       string
		recorded []string
		want     []string
	}{
		{mine, nil, nil}, // a copy of the store from before
		{mine, []string{"old", "some", "only"}, []string{"old", "some"}},
		{other, []string{"only", "some"}, []string{"only", "some"}},
		{"3333333333333333", []string{"some", "only"}, nil},
	} {
		if got := Names(path, c.id, c.recorded); !slices.Equal(got, c.want) {
			t.Errorf("store %s with %v has the sweeps %v, want %v", c.id, c.recorded, got, c.want)
		}
	}
	if again := FolderOf(path, mine, "old"); again != old {
		t.Errorf("the folder from before is %s now", again)
	}
}
