package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"flowharness/harness/internal/compiled"
	"flowharness/harness/internal/plugin"
	"flowharness/harness/internal/plugin/plugintest"
	"flowharness/harness/internal/terminal"
)

// TestMain lets this binary be the program, too: a script that says harness
// starts it again under that name.
func TestMain(m *testing.M) {
	if os.Getenv(datasetsEnv) != "" {
		registerDatasets()
		registerProcesses()
		registerNetworks()
	}
	testscript.Main(m, map[string]func(){"harness": main})
}

// TestScripts runs testdata/script. A script starts in an empty folder that
// holds tiny.yaml, a config that trains in about a second on the pure-Go
// backend, and, if it asks for it with the command "runs", a store with four
// runs of such configs.
func TestScripts(t *testing.T) {
	diffusersDir, err := filepath.Abs("testdata/diffusers")
	if err != nil {
		t.Fatal(err)
	}
	tiny, err := os.ReadFile(filepath.Join("testdata", "tiny.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	runs, prepared, caches := t.TempDir(), t.TempDir(), t.TempDir()
	trained := sync.OnceValue(func() error { return trainRuns(t.Context(), filepath.Join("testdata", "tiny.yaml"), runs) })
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CONFIGS", absolute(t, filepath.Join("..", "configs")))
			env.Setenv("RECORDED", absolute(t, filepath.Join("testdata", "recorded")))
			env.Setenv("HARNESS_STORE", "")
			env.Setenv("HARNESS_DATA_DIR", "")
			cache := filepath.Join(caches, filepath.Base(env.WorkDir))
			env.Setenv("XDG_CACHE_HOME", cache)
			if err := shareCompiled(filepath.Join(cache, "harness")); err != nil {
				return err
			}
			env.Setenv("HARNESS_PREPARED_DIR", prepared)
			env.Setenv("HARNESS_PLUGIN_DIR", filepath.Join(env.WorkDir, "no-plugins"))
			if path, _, err := plugin.Find("cpu", ""); err == nil {
				env.Setenv("XLA_PLUGINS", filepath.Dir(path))
			}
			env.Setenv("MNIST", mnistDir())
			env.Setenv("DIFFUSERS", diffusersDir)
			env.Setenv("PEERS_PYTHON", peersPython())
			env.Values[valueT] = env.T()
			return os.WriteFile(filepath.Join(env.WorkDir, "tiny.yaml"), tiny, 0o644)
		},
		Condition: requirement,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"refused":  refused,
			"repeats":  repeats,
			"pictures": makePictures,
			"runs": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(trained())
				ts.Check(os.CopyFS(ts.MkAbs("runs"), os.DirFS(runs)))
				nameRuns(ts)
			},
			"json":     checkJSON,
			"picture":  checkPicture,
			"cut":      cut,
			"edit":     editFile,
			"machine":  otherMachine,
			"idx":      writeIDX,
			"mirror":   startMirror,
			"sql":      execSQL,
			"lock":     lockStore,
			"readonly": makeReadOnly,
			"disk":     mountDisk,
			"until":    untilFile,
			"worker":   killWorker,
			"stopped":  sameStopped,
			"plugin": func(ts *testscript.TestScript, _ bool, args []string) {
				plugintest.Compile(t, ts.MkAbs(args[0]), args[1:]...)
			},
		},
	})
}

// shareCompiled gives a folder of caches the compiled programs of all tests: compiling takes longer than most scripts.
func shareCompiled(dir string) error {
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(compiled.Dir(), 0o700)); err != nil {
		return err
	}
	return os.Symlink(compiled.Dir(), filepath.Join(dir, filepath.Base(compiled.Dir())))
}

// valueT is the key of a script's testing.T.
const valueT = "t"

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// mnistDir is where the real MNIST should be; see CONTRIBUTING.md.
func mnistDir() string {
	shared := os.Getenv("HARNESS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	dir, err := filepath.Abs(filepath.Join(shared, "mnist"))
	if err != nil {
		return shared
	}
	return dir
}

// requirement is true for what a script may need and this machine may lack. With
// CI=true lacking it is a failure.
func requirement(name string) (bool, error) {
	var err error
	switch name {
	case "mnist":
		_, err = os.Stat(filepath.Join(mnistDir(), "train-images-idx3-ubyte.gz"))
	case "xla":
		_, _, err = plugin.Find("cpu", "")
	case "cc":
		_, err = exec.LookPath("cc")
	case "diffusers": // where bench-peers installs it; too large for the gate
		_, err = exec.Command(peersPython(), "-c", "import torch, diffusers").Output()
		return err == nil, nil
	default:
		return false, fmt.Errorf("no condition %q", name)
	}
	if err != nil && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("%s is needed where CI=true: %w", name, err)
	}
	return err == nil, nil
}

// peersPython is the Python of `make bench-peers`, or $HARNESS_PEERS_PYTHON.
func peersPython() string {
	if python := os.Getenv("HARNESS_PEERS_PYTHON"); python != "" {
		return python
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "python3"
	}
	return filepath.Join(cache, "harness-peers", "torch", "bin", "python")
}

// exits CODE PROGRAM ARG… runs a program, which must end with that exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// refused CODE PROGRAM ARG… is exits for what must not do anything: no file
// below $WORK may appear, disappear or change, nothing may be printed on stdout,
// and stderr must say something of the form that all errors have.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	before := listing(ts)
	exits(ts, false, args)
	if after := listing(ts); after != before {
		ts.Fatalf("files changed:\n%s\nwere\n%s", after, before)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout is %q, want nothing", out)
	}
	message := ts.ReadFile("stderr")
	if !strings.HasPrefix(message, "harness: ") || strings.Contains(message, "goroutine ") || strings.Contains(message, "\x1b") {
		ts.Fatalf("stderr is not an error message:\n%s", message)
	}
}

// listing describes every file below $WORK.
func listing(ts *testscript.TestScript) string {
	var b strings.Builder
	root := ts.Getenv("WORK")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(root, ".tmp") {
			return fs.SkipDir
		}
		fmt.Fprint(&b, path)
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(data))
		}
		b.WriteByte('\n')
		return nil
	}))
	return b.String()
}

// trainRuns trains the runs that scripts look at into a store in dir. Newest
// first they are:
//
//	@1 heun    flow matching, sampled with euler and heun, tagged "paper"
//	@2 noise   DDPM, sampled with ddim
//	@3 broken  diverged at a step after its first checkpoint
//	@4 plain   flow matching, sampled with euler
func trainRuns(ctx context.Context, config, dir string) error {
	for _, r := range []struct {
		name string
		exit int
		sets []string
	}{
		{"plain", 0, nil},
		{"broken", exitDiverged, []string{"train.lr=40", "checkpoint.every_steps=1", "sampling.at_epochs=[]"}},
		{"noise", 0, []string{"process.name=ddpm", "sampling.samplers=[ddim]", "sampling.at_epochs=[]"}},
		{"heun", 0, []string{"seed=1", "tags=[paper]", "sampling.samplers=[euler, heun]", "sampling.at_epochs=[]"}},
	} {
		args := []string{"run", config, "--store", filepath.Join(dir, "harness.db"), "--set", "name=" + r.name}
		for _, set := range r.sets {
			args = append(args, "--set", set)
		}
		var out bytes.Buffer
		if code := run(ctx, args, streams{in: strings.NewReader(""), out: terminal.To(io.Discard), err: terminal.To(&out)}); code != r.exit {
			return fmt.Errorf("run %s for the scripts ended with %d, want %d:\n%s", r.name, code, r.exit, &out)
		}
	}
	return nil
}

// nameRuns sets $plain, $heun, … to the folders of the runs' checkpoints, and
// $plain_slug, $heun_slug, … to their slugs.
func nameRuns(ts *testscript.TestScript) {
	db, err := sql.Open("sqlite3", ts.MkAbs("runs/harness.db"))
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query("SELECT name, id, slug FROM runs")
	ts.Check(err)
	defer rows.Close()
	for rows.Next() {
		var name, id, slug string
		ts.Check(rows.Scan(&name, &id, &slug))
		ts.Setenv(name, "runs/checkpoints/"+id)
		ts.Setenv(name+"_slug", slug)
	}
	ts.Check(rows.Err())
}

// checkJSON is json PATH [VALUE]: what was printed last on stdout is JSON and
// has this value at a path such as 0.name; without VALUE, any.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	var at any
	if err := decoder.Decode(&at); err != nil {
		ts.Fatalf("stdout is not JSON: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("something follows the JSON")
	}
	found := true
	for _, key := range strings.Split(args[0], ".") {
		switch v := at.(type) {
		case map[string]any:
			at, found = v[key]
		case []any:
			if key == "length" {
				at = len(v)
				continue
			}
			i, err := strconv.Atoi(key)
			if found = err == nil && i < len(v); found {
				at = v[i]
			}
		default:
			found = false
		}
		if !found {
			if neg {
				return
			}
			ts.Fatalf("there is no %s in the JSON (at %q)", args[0], key)
		}
	}
	if got := fmt.Sprint(at); len(args) > 1 && (got == args[1]) == neg {
		ts.Fatalf("%s is %s, want %s", args[0], got, args[1])
	} else if len(args) == 1 && neg {
		ts.Fatalf("there is a %s in the JSON: %s", args[0], got)
	}
}

// cut FILE BYTES removes so many bytes from the end of a file.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()-n))
}

// editFile is edit FILE OLD NEW: in a file that may be binary, the first OLD
// becomes NEW of the same length.
func editFile(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	if !bytes.Contains(data, []byte(args[1])) || len(args[1]) != len(args[2]) {
		ts.Fatalf("%s has no %q, or %q is of another length", args[0], args[1], args[2])
	}
	ts.Check(os.WriteFile(path, bytes.Replace(data, []byte(args[1]), []byte(args[2]), 1), 0o644))
}

// otherMachine is machine FILE: an ELF file claims to be for the other of the
// processors that there are plugins for.
func otherMachine(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	const at = 18 // e_machine
	const x86, arm = 62, 183
	if data[at] == x86 {
		data[at] = arm
	} else {
		data[at] = x86
	}
	ts.Check(os.WriteFile(path, data, 0o755))
}

// writeIDX is idx FILE DIMENSION… VALUE: a file of MNIST's format whose bytes all
// have that value.
func writeIDX(ts *testscript.TestScript, _ bool, args []string) {
	var numbers []int
	for _, arg := range args[1:] {
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		numbers = append(numbers, n)
	}
	dims, value := numbers[:len(numbers)-1], numbers[len(numbers)-1]
	file := []byte{0, 0, 8, byte(len(dims))}
	size := 1
	for _, d := range dims {
		file = binary.BigEndian.AppendUint32(file, uint32(d))
		size *= d
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, append(file, bytes.Repeat([]byte{byte(value)}, size)...), 0o644))
}

// startMirror is mirror [stuck]. It stands in, as a proxy, for every web server
// without encryption. It holds files of 1000 bytes and hangs up after the first
// 400, unless asked to go on from there; a stuck one sends nothing more, and the
// command reached waits until it has been asked for something.
func startMirror(ts *testscript.TestScript, _ bool, args []string) {
	const size, cutAt = 1000, 400
	asked := make(chan struct{}, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == fmt.Sprintf("bytes=%d-", cutAt) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", cutAt, size-1, size))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, size-cutAt))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(make([]byte, cutAt))
		_ = http.NewResponseController(w).Flush()
		if len(args) > 0 {
			asked <- struct{}{}
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}))
	ts.Defer(server.Close)
	ts.Setenv("HTTP_PROXY", server.URL)
	ts.SetCmd("reached", func(*testscript.TestScript, bool, []string) { <-asked })
}

// execSQL is sql FILE STATEMENT.
func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// lockStore is lock FILE: until the end of the script another process is
// writing to that store.
func lockStore(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0])+"?_txlock=immediate")
	ts.Check(err)
	tx, err := db.Begin()
	ts.Check(err)
	ts.Defer(func() { ts.Check(errors.Join(tx.Rollback(), db.Close())) })
}

// makeReadOnly is readonly FOLDER: nothing in it can be written. For root that
// takes a read-only mount.
func makeReadOnly(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	if os.Getuid() == 0 {
		mount(ts, dir, "--bind", dir)
		if out, err := exec.Command("mount", "-o", "remount,bind,ro", dir).CombinedOutput(); err != nil {
			ts.Fatalf("remounting: %v: %s", err, out)
		}
		return
	}
	ts.Check(os.Chmod(dir, 0o555))
	ts.Defer(func() { ts.Check(os.Chmod(dir, 0o755)) })
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = os.Chmod(path, 0o444)
		}
		return err
	}))
}

// mountDisk is disk FOLDER BYTES: the folder becomes a disk of that size.
func mountDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	mount(ts, dir, "-t", "tmpfs", "-o", "size="+args[1], "tmpfs")
}

// untilFile is until FOLDER PATTERN: it waits until some file in the folder
// matches.
func untilFile(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		paths, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
		ts.Check(err)
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil && pattern.Match(data) {
				return
			}
		}
	}
	ts.Fatalf("no file in %s came to match %s", args[0], args[1])
}

// killWorker is worker FOLDER SIGNAL: the worker of a sweep that is at work gets
// a signal.
func killWorker(ts *testscript.TestScript, _ bool, args []string) {
	paths, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "status", "*.json"))
	ts.Check(err)
	for _, path := range paths {
		var status struct {
			State string
			PID   int
		}
		data, err := os.ReadFile(path)
		ts.Check(err)
		ts.Check(json.Unmarshal(data, &status))
		if status.State == "running" {
			signal := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[args[1]]
			ts.Check(syscall.Kill(status.PID, signal))
			return
		}
	}
	ts.Fatalf("no worker is at work")
}

// sameStopped is stopped FILE FILE: two outcomes of a search, as JSON, have
// stopped the same trials at the same steps and objectives.
func sameStopped(ts *testscript.TestScript, _ bool, args []string) {
	stopped := func(path string) string {
		var outcome struct{ Stopped []map[string]any }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &outcome))
		return fmt.Sprint(outcome.Stopped)
	}
	if a, b := stopped(args[0]), stopped(args[1]); a != b {
		ts.Fatalf("stopped are %s and %s", a, b)
	}
}

// mount mounts on dir until the end of the script, or skips the script where
// this user may not: that is so in most containers, with CI=true too.
func mount(ts *testscript.TestScript, dir string, args ...string) {
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		ts.Value(valueT).(testscript.T).Skip(fmt.Sprintf("this needs the right to mount: %v: %s", err, bytes.TrimSpace(out)))
	}
	ts.Defer(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			ts.Fatalf("umount: %v: %s", err, out)
		}
	})
}
