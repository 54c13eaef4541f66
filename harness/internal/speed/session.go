package speed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// session is what is open while cases are measured.
type session struct {
	Options
	dir         string // of everything that is written
	backend     *backend.Backend
	calibration *train.Calibration
	calibrated  Series
	files       int // so far made by file
}

// measure measures a case.
func (s *session) measure(ctx context.Context, c benchmark) (Case, error) {
	out := Case{Name: c.name, About: c.about}
	if c.skip != nil {
		if out.Skipped = c.skip(s); out.Skipped != "" {
			return out, nil
		}
	}
	m := &meter{session: s, name: c.name, left: s.Rounds}
	for _, q := range c.measures {
		m.measures = append(m.measures, Measure{Name: q.name, Unit: q.unit})
	}
	err := c.run(ctx, s, m)
	if ctx.Err() != nil {
		return out, ctx.Err() // whatever came of it
	}
	if err == nil && m.left > 0 {
		err = fmt.Errorf("it ended %d rounds early", m.left)
	}
	out.Measures = m.measures
	return out, err
}

// store opens a new store.
func (s *session) store(ctx context.Context) (*store.Store, error) { return store.Open(ctx, s.file()) }

// file is the name of a file that is not there yet.
func (s *session) file() string {
	s.files++
	return filepath.Join(s.dir, fmt.Sprintf("%d", s.files), "harness.db")
}

// roundTime is how long a round should take at the least.
func (s *session) roundTime() time.Duration {
	if s.Brief {
		return 0
	}
	return time.Second
}

func (s *session) progress(format string, args ...any) {
	if s.Observe != nil {
		s.Observe(fmt.Sprintf(format, args...))
	}
}

func (s *session) close() error {
	if s.calibration != nil {
		s.calibration.Finalize()
	}
	if s.backend != nil {
		s.backend.Finalize()
	}
	if s.dir == "" {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return errors.Join(errors.New("what was measured in could not be removed"), err)
	}
	return nil
}

// meter takes the rounds of a case.
type meter struct {
	session  *session
	name     string
	measures []Measure
	left     int     // rounds
	before   float64 // the last time of the fixed work, in seconds; 0 before the first round
}

// next tells whether there is another round to be made, and times the fixed work
// before the first.
func (m *meter) next() (bool, error) {
	if m.left <= 0 {
		return false, nil
	}
	if m.before == 0 {
		if err := m.calibrate(); err != nil {
			return false, err
		}
		m.session.progress("%s", m.name)
	}
	return true, nil
}

// round records a round's values, one for each of the case's measures.
func (m *meter) round(values ...float64) error {
	before := m.before
	if err := m.calibrate(); err != nil {
		return err
	}
	work := (before + m.before) / 2
	for i, v := range values {
		measure := &m.measures[i]
		measure.Values = append(measure.Values, v)
		switch measure.Unit {
		case Seconds:
			measure.Ratios = append(measure.Ratios, v/work)
		case PointsPerTime:
			measure.Ratios = append(measure.Ratios, v*work)
		}
	}
	m.left--
	m.session.progress("%s: round %d of %d", m.name, len(m.measures[0].Values), len(m.measures[0].Values)+m.left)
	return nil
}

func (m *meter) calibrate() error {
	took, err := m.session.calibration.Measure()
	m.before = took.Seconds()
	m.session.calibrated = append(m.session.calibrated, m.before)
	return err
}

// atMost lowers the number of rounds of a case that takes long.
func (m *meter) atMost(rounds int) { m.left = min(m.left, rounds) }
