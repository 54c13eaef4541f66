package progress

import (
	"context"
	"regexp"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Run is what is worth watching of a run.
type Run struct {
	Info        store.RunInfo
	Progress    Progress
	Loss        []store.Bin           // of train/loss
	Series      []store.SeriesSummary // all of them, by name
	Evaluations []store.Evaluation    // those of the latest step that has any
	Sample      *store.Sample         // the latest grid; nil if there is none
	Log         []store.LogLine       // the last lines, oldest first
}

// trainLoss is the series that a run is judged by while it trains.
const trainLoss = record.TrainLoss

// Options say how much is read.
type Options struct {
	Bins int // of the loss
	Log  int // lines of it
}

// ReadRun reads a run as of now. A run that does not exist is a
// [*store.NotFoundError].
func ReadRun(ctx context.Context, st *store.Store, id string, now time.Time, o Options) (Run, error) {
	run, err := st.Run(ctx, id)
	if err != nil {
		return Run{}, err
	}
	r := Run{Info: run.RunInfo}
	if r.Series, err = st.Summaries(ctx, id); err != nil {
		return r, err
	}
	if r.Progress, err = progressOf(ctx, st, r.Info, r.Series, now); err != nil {
		return r, err
	}
	if r.Loss, err = st.Bins(ctx, id, trainLoss, o.Bins); err != nil {
		return r, err
	}
	evaluations, err := st.Evaluations(ctx, id)
	if err != nil {
		return r, err
	}
	for i, e := range evaluations {
		if e.Step == evaluations[len(evaluations)-1].Step {
			r.Evaluations = evaluations[i:]
			break
		}
	}
	samples, err := st.Samples(ctx, id)
	if err != nil {
		return r, err
	}
	if n := len(samples); n > 0 {
		r.Sample = &samples[n-1]
	}
	r.Log, err = st.Logs(ctx, id, store.LogOptions{Tail: o.Log})
	return r, err
}

// ReadProgress reads how far a run is as of now, and nothing else of it.
func ReadProgress(ctx context.Context, st *store.Store, run store.RunInfo, now time.Time) (Progress, error) {
	summaries, err := st.Summaries(ctx, run.ID)
	if err != nil {
		return Progress{}, err
	}
	return progressOf(ctx, st, run, summaries, now)
}

func progressOf(ctx context.Context, st *store.Store, run store.RunInfo, summaries []store.SeriesSummary, now time.Time) (Progress, error) {
	steps, err := st.Tail(ctx, run.ID, stepTimes, recent)
	if err != nil {
		return Progress{}, err
	}
	p := Of(run, summaries, steps, now)
	if run.Status == record.StatusRunning && (p.Step == 0 || p.Step >= p.Total) {
		last, err := st.Logs(ctx, run.ID, store.LogOptions{Tail: 1})
		if err != nil {
			return p, err
		}
		for _, line := range last {
			p.Doing = stepOfLine.ReplaceAllString(line.Message, "")
		}
	}
	return p, nil
}

// stepOfLine begins a line of the log with the step that it was written at.
var stepOfLine = regexp.MustCompile(`^step \d+: `)
