package speed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"flowharness/harness/internal/record"
)

// firstStepRounds are as many rounds as a case takes at most that compiles in
// each.
const firstStepRounds = 3

// firstStep is the time from starting the program to its first finished training
// step, and the memory that this takes.
func firstStep(batch int, skip func(*session) string) benchmark {
	return benchmark{
		name:     fmt.Sprintf("start/batch %d", batch),
		about:    "from starting the program to the first finished training step of the tutorial's model",
		measures: []quantity{{"until the first step", Seconds}, {"peak memory", Bytes}},
		skip:     skip,
		run: func(ctx context.Context, s *session, m *meter) error {
			m.atMost(firstStepRounds)
			for {
				if more, err := m.next(); !more {
					return err
				}
				begun := time.Now()
				p, err := s.start(ctx, Child{Do: "step", Batch: batch, Brief: s.Brief, Backend: s.Backend,
					Checkpoints: filepath.Join(s.dir, "checkpoints")})
				if err != nil {
					return err
				}
				if err := p.untilReady(); err != nil {
					return err
				}
				took := time.Since(begun)
				text, err := p.rest()
				if err != nil {
					return err
				}
				var result childResult
				if err := json.Unmarshal(text, &result); err != nil {
					return fmt.Errorf("what a process of the benchmark said: %w", err)
				}
				if err := m.round(took.Seconds(), float64(result.PeakMemory)); err != nil {
					return err
				}
			}
		},
	}
}

// firstStepRecorder says when the first step is finished.
type firstStepRecorder struct {
	clock
	out io.Writer
}

// Phase implements [train.Recorder].
func (r *firstStepRecorder) Phase(phase string, _ int, _ time.Duration) {
	if phase == record.PhaseCompile {
		_, r.err = io.WriteString(r.out, ready)
	}
}
