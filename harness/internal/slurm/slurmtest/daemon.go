package slurmtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// daemon is a running munged, slurmctld or slurmd.
type daemon struct {
	name  string
	cmd   *exec.Cmd
	said  *bytes.Buffer // complete when ended is closed
	ended chan struct{}
}

// startDaemon starts a daemon in the foreground.
func startDaemon(env []string, name string, args ...string) (*daemon, error) {
	d := &daemon{name: name, cmd: exec.Command(find(name), args...), said: new(bytes.Buffer), ended: make(chan struct{})}
	d.cmd.Env = env
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	d.cmd.SysProcAttr = dieWithParent()
	d.cmd.WaitDelay = time.Second
	started := make(chan error, 1)
	go func() {
		// What is to die with its parent dies with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(d.ended)
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return d, nil
}

// stop ends a daemon with a signal, and with SIGKILL if that takes too long.
func (d *daemon) stop(signal syscall.Signal) {
	if d == nil {
		return
	}
	_ = d.cmd.Process.Signal(signal)
	select {
	case <-d.ended:
	case <-time.After(5 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

// is tells whether a process is this daemon or one that it started, as slurmctld does.
func (d *daemon) is(pid int) bool {
	if d == nil {
		return false
	}
	group, err := syscall.Getpgid(pid)
	return err == nil && group == d.cmd.Process.Pid
}

// failed is the error of a daemon that ended by itself, nil while it runs.
func (d *daemon) failed() error {
	select {
	case <-d.ended:
		return fmt.Errorf("%s ended: %v\n%s", d.name, d.cmd.ProcessState, d.said)
	default:
		return nil
	}
}

// processes returns the ids of the processes of a cluster: those of tasks, which have its configuration and the number
// of a job in their environment, and those with a file in its folder open, as slurmstepd has, which overwrites its
// environment. The tests and the commands that they start are not among them.
func processes(dir string) []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range all {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err == nil && pid != os.Getpid() && belongs(process, dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func belongs(process, dir string) bool {
	data, _ := os.ReadFile(filepath.Join(process, "environ"))
	environment := "\x00" + string(data)
	if strings.Contains(environment, "\x00SLURM_CONF="+dir+"/") && strings.Contains(environment, "\x00SLURM_JOB_ID=") {
		return true
	}
	files, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, dir+"/") {
			return true
		}
	}
	return false
}

// find looks for a program also where an ordinary user's PATH does not lead.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// poll asks until it is told yes or an error, for as long as ctx lasts.
func poll(ctx context.Context, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
