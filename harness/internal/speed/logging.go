package speed

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// logging is recording a series of points in each of several processes at once,
// into one store: how many points a second all of them write together, the last
// one on disk, and how much space one takes.
func logging(name string, processes int) benchmark {
	return benchmark{
		name:     "log/" + name,
		about:    "points of one series a process, until the last is on disk",
		measures: []quantity{{"rate", PointsPerTime}, {"space", BytesPerPoint}},
		run: func(ctx context.Context, s *session, m *meter) error {
			for {
				if more, err := m.next(); !more {
					return err
				}
				path := s.file()
				empty, err := createStore(ctx, path)
				if err != nil {
					return err
				}
				log := s.logHere
				if processes > 1 {
					log = s.logElsewhere(processes)
				}
				took, err := log(ctx, path)
				if err != nil {
					return err
				}
				full, err := size(path)
				if err != nil {
					return err
				}
				points := float64(processes * s.Points)
				if err := m.round(points/took.Seconds(), float64(full-empty)/points); err != nil {
					return err
				}
				if err := os.RemoveAll(filepath.Dir(path)); err != nil {
					return err
				}
			}
		},
	}
}

// createStore makes an empty store and returns the size of its file.
func createStore(ctx context.Context, path string) (int64, error) {
	st, err := store.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	if err := st.Close(); err != nil {
		return 0, err
	}
	return size(path)
}

// logHere records in this process.
func (s *session) logHere(ctx context.Context, path string) (took time.Duration, err error) {
	st, err := store.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	w, err := newRecording(ctx, st)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	err = logPoints(ctx, w, s.Points)
	return time.Since(begun), err
}

// logElsewhere records in processes that begin together; it takes as long as the
// last of them.
func (s *session) logElsewhere(processes int) func(ctx context.Context, path string) (time.Duration, error) {
	return func(ctx context.Context, path string) (time.Duration, error) {
		ctx, kill := context.WithCancel(ctx)
		defer kill()
		var started []*process
		fail := func(err error) (time.Duration, error) {
			kill()
			for _, p := range started {
				_ = p.end() // killed
			}
			return 0, err
		}
		for range processes {
			p, err := s.start(ctx, Child{Do: "log", Store: path, Points: s.Points})
			if err != nil {
				return fail(err)
			}
			started = append(started, p)
		}
		for _, p := range started {
			if err := p.untilReady(); err != nil {
				return fail(err)
			}
		}
		begun := time.Now()
		for _, p := range started {
			if _, err := io.WriteString(p.in, "\n"); err != nil {
				return fail(err)
			}
		}
		for _, p := range started {
			if err := p.end(); err != nil {
				return fail(err)
			}
		}
		return time.Since(begun), nil
	}
}

// newRecording begins to record a run in a store.
func newRecording(ctx context.Context, st *store.Store) (*store.Writer, error) {
	run, err := st.CreateRun(ctx, store.NewRun{Name: "bench", ResolvedYAML: "name: bench\n"})
	if err != nil {
		return nil, err
	}
	return st.OpenWriter(ctx, run.ID)
}

// logPoints records points as fast as it can and finishes the run.
func logPoints(ctx context.Context, w *store.Writer, points int) error {
	for step := 1; step <= points; step++ {
		if step%4096 == 0 && ctx.Err() != nil {
			break
		}
		w.Point(record.TrainLoss, step, 1/float64(step))
	}
	if err := w.Finish(ctx, record.StatusFinished, ""); err != nil {
		return err
	}
	if err := w.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
