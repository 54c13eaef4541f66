package speed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Child is what a case has another process of this program do.
type Child struct {
	Do string `json:"do"` // "log" or "step"

	// Log writes Points points into Store, once a line has come on its input.
	Store  string `json:"store,omitempty"`
	Points int    `json:"points,omitempty"`

	// Step trains the tutorial's model for one step.
	Batch       int             `json:"batch,omitempty"`
	Brief       bool            `json:"brief,omitempty"`
	Backend     backend.Options `json:"backend,omitzero"`
	Checkpoints string          `json:"checkpoints,omitempty"`
}

// childResult is what it says when it is done.
type childResult struct {
	PeakMemory int64 `json:"peak_memory_bytes"`
}

// ready is what a child says when it is about to begin.
const ready = "ready\n"

// RunChild does what the text of a [Child] says: the hidden half of [Run].
func RunChild(ctx context.Context, text string, in io.Reader, out io.Writer) error {
	var c Child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("what a process of the benchmark is to do: %w", err)
	}
	switch c.Do {
	case "log":
		st, err := store.Open(ctx, c.Store)
		if err != nil {
			return err
		}
		defer st.Close()
		w, err := newRecording(ctx, st)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, ready); err != nil {
			return err
		}
		if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
			return errors.Join(errors.New("waiting for the word to begin"), err, w.Finish(ctx, record.StatusInterrupted, ""))
		}
		return logPoints(ctx, w, c.Points)
	case "step":
		c.Backend.NoCache = true // the case is about compiling
		b, err := backend.Open(c.Backend)
		if err != nil {
			return err
		}
		defer b.Finalize()
		cfg, err := Options{Brief: c.Brief}.configOf(tutorial, c.Batch, 1)
		if err != nil {
			return err
		}
		if err := trainOnDigits(ctx, b.Backend, cfg, c.Checkpoints, &firstStepRecorder{out: out}); err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(childResult{machine.PeakMemory()})
	default:
		return fmt.Errorf("a process of the benchmark cannot %q", c.Do)
	}
}

// process is a child that was started.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	stderr bytes.Buffer
}

// start starts this program again; the end of ctx kills it.
func (s *session) start(ctx context.Context, c Child) (*process, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	argv := append(append([]string{}, s.Child...), string(text))
	p := &process{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.Stderr = &p.stderr
	if p.in, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("starting a process of the benchmark: %w", err)
	}
	return p, nil
}

// untilReady waits until the child is about to begin.
func (p *process) untilReady() error {
	if _, err := io.ReadFull(p.out, make([]byte, len(ready))); err != nil {
		return p.end()
	}
	return nil
}

// rest reads what the child says until it ends.
func (p *process) rest() ([]byte, error) {
	text, err := io.ReadAll(p.out)
	return text, errors.Join(err, p.end())
}

// end waits for the child's end, and says why it failed.
func (p *process) end() error {
	_ = p.in.Close()
	if err := p.Wait(); err != nil {
		return fmt.Errorf("a process of the benchmark: %w: %s", err, bytes.TrimSpace(p.stderr.Bytes()))
	}
	return nil
}
