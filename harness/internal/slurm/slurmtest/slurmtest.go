// Package slurmtest runs a private Slurm cluster of one node for tests. Nothing of the system's configuration is read
// or changed, and several such clusters and a real one may run side by side.
package slurmtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Start starts a cluster that is stopped when the test ends. It takes about two seconds; see [Shared] for one that the
// tests of a package share. Slurm's commands find it through SLURM_CONF, which is set for the test. Where Slurm cannot
// be run the test is skipped, or fails if the environment variable CI is "true".
func Start(t testing.TB, limits ...Limit) *Cluster {
	t.Helper()
	require(t)
	c, err := start(limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	t.Setenv("SLURM_CONF", c.Conf)
	return c
}

// Shared returns the cluster that the tests of a package share, and starts it for the first. SLURM_CONF is set for the
// whole process. The package's TestMain must run its tests through [Main], which stops it. Skips as [Start] does.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	require(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("slurmtest.Shared needs a TestMain that runs the tests through slurmtest.Main")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = start(nil)
		if shared.err == nil {
			shared.err = os.Setenv("SLURM_CONF", shared.cluster.Conf)
		}
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// Main runs the tests of a package and then stops the cluster that they shared. It is what TestMain runs instead of
// testing.M, itself or through testscript.Main.
type Main struct{ *testing.M }

// Run runs the tests and returns the exit code.
func (m Main) Run() int {
	shared.Lock()
	shared.main = true
	shared.Unlock()
	code := m.M.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		shared.cluster.stop()
	}
	return code
}

var shared struct {
	sync.Mutex
	main    bool
	cluster *Cluster
	err     error
}

// Cluster is a running cluster: a controller and a node with 32 CPUs and two GPUs, of which none need be there. The
// partition "main" is the default; jobs in the partition "urgent" preempt those in "main".
type Cluster struct {
	Conf string // path of its slurm.conf, for SLURM_CONF

	dir, host          string
	env                []string
	generation         int
	munged, ctld, node *daemon
}

// waitLimit bounds the waits for a daemon to be ready.
const waitLimit = 30 * time.Second

// start starts a cluster. Free ports may be taken by others before the daemons have them, so that it tries more
// than once.
func start(limits []Limit) (*Cluster, error) {
	var failures []error
	for range 3 {
		c, err := attempt(limits)
		if err == nil {
			return c, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("starting a Slurm cluster: %w", errors.Join(failures...))
}

func attempt(limits []Limit) (_ *Cluster, err error) {
	// Not the test's own folder, whose name may be too long for a socket's.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Conf: filepath.Join(dir, "slurm.conf"), dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w%s", err, c.logs())
			c.stop()
		}
	}()
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	c.dir, c.Conf = dir, filepath.Join(dir, "slurm.conf")
	c.env = append(os.Environ(), "SLURM_CONF="+c.Conf)
	if err := c.prepare(limits); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "munge.socket")
	c.munged, err = startDaemon(c.env, "munged", "--foreground", "--force", "--socket="+socket,
		"--key-file="+filepath.Join(dir, "munge.key"), "--pid-file="+filepath.Join(dir, "munged.pid"),
		"--log-file="+filepath.Join(dir, "munged.log"), "--seed-file="+filepath.Join(dir, "munged.seed"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := poll(ctx, func() (bool, error) {
		_, err := os.Stat(socket)
		return err == nil, c.munged.failed()
	}); err != nil {
		return nil, fmt.Errorf("waiting for munged: %w", err)
	}
	if err := c.StartController(); err != nil {
		return nil, err
	}
	return c, c.StartNode()
}

// prepare writes the cluster's files.
func (c *Cluster) prepare(limits []Limit) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	c.host, _, _ = strings.Cut(host, ".")
	key := make([]byte, 1024)
	_, _ = rand.Read(key) // never fails
	for _, file := range []struct {
		name string
		mode os.FileMode
		data string
	}{
		{"munge.key", 0o400, string(key)},
		{"gpu0", 0o600, ""},
		{"gpu1", 0o600, ""},
		{"gres.conf", 0o644, fmt.Sprintf("NodeName=%s Name=gpu File=%s/gpu[0-1]\n", c.host, c.dir)},
	} {
		if err := os.WriteFile(filepath.Join(c.dir, file.name), []byte(file.data), file.mode); err != nil {
			return err
		}
	}
	for _, name := range []string{"state", "spool"} {
		if err := os.Mkdir(filepath.Join(c.dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(c.dir, 0o755); err != nil { // munged wants its socket's folder to be open to all
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	text := strings.NewReplacer(
		"HOST", c.host, "DIR", c.dir, "CTLDPORT", strconv.Itoa(ports[0]), "SLURMDPORT", strconv.Itoa(ports[1]),
	).Replace(configuration)
	for _, limit := range limits {
		text += limit.configuration
		if limit.submitScript == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(c.dir, "job_submit.lua"), []byte(limit.submitScript), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(c.Conf, []byte(text), 0o644)
}

// configuration is the slurm.conf. What is not needed to keep to the folder and away from other clusters is there to
// make tests quick: a requeued job starts after cred_expire seconds, commands give up on a silent controller after
// MessageTimeout.
const configuration = `ClusterName=test
SlurmctldHost=HOST(127.0.0.1)
SlurmctldPort=CTLDPORT
SlurmdPort=SLURMDPORT
AuthType=auth/munge
AuthInfo=socket=DIR/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=DIR/state
SlurmdSpoolDir=DIR/spool
SlurmctldPidFile=DIR/slurmctld.pid
SlurmdPidFile=DIR/slurmd.pid
SlurmctldLogFile=DIR/slurmctld.log
SlurmdLogFile=DIR/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
MessageTimeout=3
KillWait=3
GresTypes=gpu
NodeName=HOST NodeAddr=127.0.0.1 CPUs=32 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=HOST Default=YES MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=HOST MaxTime=INFINITE PriorityTier=10 State=UP
`

// stop ends everything that belongs to the cluster and removes its folder.
func (c *Cluster) stop() {
	for _, d := range []**daemon{&c.node, &c.ctld, &c.munged} {
		(*d).stop(syscall.SIGKILL)
		*d = nil
	}
	c.killNode()
	_ = os.RemoveAll(c.dir)
}

// killNode kills the node and what runs on it.
func (c *Cluster) killNode() {
	c.node.stop(syscall.SIGKILL)
	// More than once: what is killed may have started something meanwhile.
	for range 10 {
		killed := false
		for _, pid := range processes(c.dir) {
			if c.munged.is(pid) || c.ctld.is(pid) {
				continue
			}
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
		if !killed {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// logs returns the ends of the daemons' logs, for errors.
func (c *Cluster) logs() string {
	var b strings.Builder
	for _, name := range []string{"munged.log", "slurmctld.log", "slurmd.log"} {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if err == nil {
			fmt.Fprintf(&b, "\n%s ends:\n%s", name, data[max(0, len(data)-2000):])
		}
	}
	return b.String()
}

// require skips or fails a test where Slurm cannot be run.
func require(t testing.TB) {
	t.Helper()
	var missing []string
	for _, name := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo"} {
		if find(name) == "" {
			missing = append(missing, name)
		}
	}
	why := ""
	switch {
	case len(missing) > 0:
		why = fmt.Sprintf("no %s in the PATH; on Debian: apt-get install slurm-wlm munge", strings.Join(missing, ", "))
	case os.Getuid() != 0:
		why = "a node of Slurm's must be run by root"
	}
	switch {
	case why == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("tests with Slurm are needed where CI=true: %s", why)
	default:
		t.Skipf("no tests with Slurm: %s", why)
	}
}

// freePorts returns ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // after all are found, so that they differ
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// command runs one of Slurm's commands.
func (c *Cluster) command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, find(name), args...)
	cmd.Env = c.env
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
