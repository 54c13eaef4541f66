package slurmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// KillNode kills the node with everything that runs on it and has the controller know at once, as it would by itself
// when the node had been silent for SlurmdTimeout.
func (c *Cluster) KillNode() error {
	c.killNode()
	_, err := c.command("scontrol", "update", "NodeName="+c.host, "State=DOWN", "Reason=killed by a test")
	return err
}

// StartNode starts the node, again after [Cluster.KillNode], and waits until it takes jobs.
func (c *Cluster) StartNode() error {
	var err error
	if c.node, err = startDaemon(c.env, "slurmd", "-D"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	state := ""
	if err := poll(ctx, func() (bool, error) {
		for _, d := range []*daemon{c.munged, c.ctld, c.node} {
			if err := d.failed(); err != nil {
				return false, err
			}
		}
		var err error
		state, err = c.command("sinfo", "--noheader", "--partition=main", "--Format=StateLong:30")
		if err != nil {
			state = err.Error() // the controller, too, may not be ready yet
		}
		switch strings.TrimSpace(state) {
		case "idle", "mixed", "allocated":
			return true, nil
		}
		return false, nil
	}); err != nil {
		return fmt.Errorf("waiting for the node, which is %s: %w", strings.TrimSpace(state), err)
	}
	return nil
}

// StopController stops the controller; what runs goes on. Commands fail until [Cluster.StartController].
func (c *Cluster) StopController() { c.ctld.stop(syscall.SIGTERM) }

// StartController starts the controller, which remembers what it knew.
func (c *Cluster) StartController() error { return c.startController() }

// Forget kills all jobs and has the controller forget that they ever were, as one does that has lost its state. The
// numbers of later jobs differ from theirs.
func (c *Cluster) Forget() error {
	c.StopController()
	c.killNode()
	c.generation++
	file, err := os.OpenFile(c.Conf, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "FirstJobId=%d\n", 1000*c.generation)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := c.startController("-c"); err != nil {
		return err
	}
	return c.StartNode()
}

// Requeue puts a task back into the queue, as an administrator does.
func (c *Cluster) Requeue(id string, index int) error {
	_, err := c.command("scontrol", "requeue", id+"_"+strconv.Itoa(index))
	return err
}

// Signal sends a signal such as "USR1" to the program of a task.
func (c *Cluster) Signal(id string, index int, signal string) error {
	_, err := c.command("scancel", "--batch", "--signal="+signal, id+"_"+strconv.Itoa(index))
	return err
}

// Log returns the controller's log.
func (c *Cluster) Log() (string, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, "slurmctld.log"))
	return string(data), err
}

func (c *Cluster) startController(args ...string) error {
	var err error
	if c.ctld, err = startDaemon(c.env, "slurmctld", append([]string{"-D"}, args...)...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := poll(ctx, func() (bool, error) {
		_, err := c.command("scontrol", "ping")
		return err == nil, c.ctld.failed()
	}); err != nil {
		return fmt.Errorf("waiting for the controller: %w", err)
	}
	return nil
}

// Pause has jobs wait in the queue, as a partition that is down does; [Cluster.Resume] ends it.
func (c *Cluster) Pause() error { return c.setPartition("DOWN") }

// Resume starts what waits.
func (c *Cluster) Resume() error { return c.setPartition("UP") }

func (c *Cluster) setPartition(state string) error {
	_, err := c.command("scontrol", "update", "PartitionName=main", "State="+state)
	return err
}

// Running is how many tasks run.
func (c *Cluster) Running() (int, error) {
	out, err := c.command("squeue", "--noheader", "--array", "--states=RUNNING", "--Format=JobID:16")
	return len(strings.Fields(out)), err
}
