// Package slurm submits arrays of tasks to Slurm, asks how they are, and cancels them, through Slurm's command line
// tools. It knows nothing of what the tasks do.
//
// It works with the tools alone: where accounting (sacct) is missing, as on many small clusters, tasks that ended are
// known for as long as the controller remembers them (MinJobAge in slurm.conf, five minutes by default).
package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnavailable says that Slurm did not answer: its controller or its accounting database is down, restarting or
// overloaded. What was asked may be asked again later; but a [Client.Submit] that ended so may have submitted the job.
var ErrUnavailable = errors.New("slurm does not answer")

// Client runs Slurm's commands. It is safe for concurrent use.
type Client struct {
	sbatch, squeue, scancel string
	sacct, scontrol         string // "" where there is none
	timeout                 time.Duration
}

// callTimeout bounds one command. Slurm's own gives up on a silent controller earlier, but not on a slow one.
const callTimeout = time.Minute

// Find looks the commands up in the PATH. The error says which is missing and what to do.
func Find() (*Client, error) {
	c := &Client{timeout: callTimeout}
	for _, command := range []struct {
		name string
		path *string
	}{{"sbatch", &c.sbatch}, {"squeue", &c.squeue}, {"scancel", &c.scancel}} {
		path, err := exec.LookPath(command.name)
		if err != nil {
			return nil, fmt.Errorf("no command %s in the PATH: run this on a login node of a Slurm cluster (perhaps after "+
				"module load slurm), install Slurm's client (on Debian: apt-get install slurm-client), "+
				"or use --launcher local", command.name)
		}
		*command.path = path
	}
	for name, path := range map[string]*string{"sacct": &c.sacct, "scontrol": &c.scontrol} {
		if found, err := exec.LookPath(name); err == nil {
			*path = found
		}
	}
	return c, nil
}

// failure is what a command of Slurm's said when it failed.
type failure struct {
	command string
	words   string
}

func (f *failure) Error() string { return f.command + ": " + f.words }

// run runs a command and returns what it printed. A command that fails gives a [failure] with what it said, which is
// ErrUnavailable if that is why.
func (c *Client) run(ctx context.Context, input, path string, args ...string) (string, error) {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	cmd := exec.CommandContext(within, path, args...)
	cmd.WaitDelay = time.Second
	cmd.Env = environment(os.Environ())
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", filepath.Base(path), context.Cause(ctx))
	case within.Err() != nil:
		return "", fmt.Errorf("%w: %s has not ended after %v", ErrUnavailable, path, c.timeout)
	}
	f := &failure{command: filepath.Base(path), words: words(said.String())}
	if f.words == "" {
		f.words = err.Error()
	}
	if unavailable(f.words) {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, f)
	}
	return "", f
}

// words joins the lines that a command wrote to stderr to one, without the name that it puts before each.
func words(stderr string) string {
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(stderr, "\uFFFD")) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"sbatch: ", "squeue: ", "scancel: ", "sacct: ", "scontrol: ", "error: ", "fatal: "} {
			line = strings.TrimPrefix(line, prefix)
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return shorten(strings.Join(lines, "; "))
}

// shorten cuts a text for an error message.
func shorten(text string) string {
	const most = 1000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// unavailable tells whether a command failed because something of Slurm's is down or too busy. The phrases are those
// of Slurm's table of errors, which is never translated.
func unavailable(words string) bool {
	for _, phrase := range []string{
		"Unable to contact slurm controller",
		"Unable to establish control machine address",
		"Slurm backup controller in standby mode",
		"Slurm temporarily unable to accept job",
		"Socket timed out on send/recv operation",
		"Zero Bytes were transmitted or received",
		"Transport endpoint is not connected",
		"Connection refused",
		"Connection timed out",
		"Connection reset by peer",
		"Problem talking to the database",
		"Unable to contact slurm persistant connection", // spelled so by Slurm
		"failed to open persistent connection",
	} {
		if strings.Contains(words, phrase) {
			return true
		}
	}
	return false
}

// environment leaves out what would change the commands' answers (the user's own filters and formats) and what a
// surrounding job left: sbatch hands its environment on, and a task would find another job's SLURM_RESTART_COUNT in it.
func environment(all []string) []string {
	var kept []string
	for _, variable := range all {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case name == "SLURM_CONF" || name == "SLURM_CONF_SERVER" || name == "SLURM_CLUSTERS" || name == "SLURM_JWT":
		case strings.HasPrefix(name, "SLURM_"), strings.HasPrefix(name, "SQUEUE_"),
			strings.HasPrefix(name, "SACCT_"), strings.HasPrefix(name, "SCANCEL_"):
			continue
		}
		kept = append(kept, variable)
	}
	return kept
}
