package experiment

import (
	"context"
	"fmt"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// recording is what the store holds of a run that a repetition must bring forth
// again.
type recording struct {
	begun       *beginning                 // what training began with; nil: random weights
	series      map[string]map[int]float64 // by name and step, without durations
	last        int                        // step of the last loss
	ended       bool                       // the run came to its end: nothing of its last step can be missing
	samples     []store.Sample
	evaluations []store.Evaluation
}

// readRecording reads a run, which must not be running, and closes the store.
func readRecording(ctx context.Context, storePath, ref string) (*store.Run, *config.Resolved, *recording, error) {
	st, run, cfg, err := lookUpToRead(ctx, storePath, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	defer st.Close()
	if run.Status == record.StatusRunning {
		return nil, nil, nil, fmt.Errorf("run %s is running (pid %d on %s): verify it when it has ended", run.Slug, run.PID, run.Host)
	}
	_, begun, err := findBeginning(ctx, st, cfg)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("run %s cannot be repeated: %w", run.Slug, err)
	}
	r := &recording{begun: begun, series: map[string]map[int]float64{}, ended: run.Status == record.StatusFinished}
	summaries, err := st.Summaries(ctx, run.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, s := range summaries {
		if isDuration(s.Name) {
			continue
		}
		points, err := st.Series(ctx, run.ID, s.Name, store.SeriesOptions{})
		if err != nil {
			return nil, nil, nil, err
		}
		r.series[s.Name] = make(map[int]float64, len(points))
		for _, p := range points {
			r.series[s.Name][p.Step] = p.Value
			if s.Name == record.TrainLoss {
				r.last = max(r.last, p.Step)
			}
		}
	}
	if r.last == 0 {
		return nil, nil, nil, fmt.Errorf("run %s has no recorded losses to compare with: it ended before its first step", run.Slug)
	}
	if r.samples, err = st.Samples(ctx, run.ID); err != nil {
		return nil, nil, nil, err
	}
	r.evaluations, err = st.Evaluations(ctx, run.ID)
	return run, cfg, r, err
}

// openToRead opens a store that may be one that cannot be written.
func openToRead(ctx context.Context, path string) (*store.Store, error) {
	if err := storeExists(path); err != nil {
		return nil, err
	}
	return store.OpenExisting(ctx, path)
}
