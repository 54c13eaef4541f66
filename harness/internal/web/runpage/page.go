package runpage

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// runView is what run.html shows: a part of the page each.
type runView struct {
	*store.Run
	Query    runQuery
	Head     headView
	Curves   curvesView
	Timeline timelineView
	Grids    gridsView
	Measured measuredView
	Config   configView
	Machine  machineView
	Log      logView
}

// runPage is all about one run.
func (s *Pages) runPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := parseRunQuery(r.URL.Query())
	if err != nil {
		return err
	}
	run, err := s.Store.Resolve(ctx, r.PathValue("run"))
	if err != nil {
		return err
	}
	// The state is read before what it stands for: a change in between is shown
	// twice rather than not at all.
	state, err := s.State(ctx, shell.RunsTopic(run.ID))
	if err != nil {
		return err
	}
	v, err := s.readRunView(ctx, run, q)
	if err != nil {
		return err
	}
	return s.Render(w, r, "run.html", shell.PageData{Title: run.Slug, Nav: "runs", Topic: string(shell.RunsTopic(run.ID)), State: state,
		Body: v})
}

// readRunView reads the parts of a run's page, several at once.
func (s *Pages) readRunView(ctx context.Context, run *store.Run, q runQuery) (runView, error) {
	v := runView{Run: run, Query: q}
	summaries, err := s.Store.Summaries(ctx, run.ID)
	if err != nil {
		return v, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		v.Curves, err = s.readCurves(ctx, run, summaries, q)
		return err
	})
	g.Go(func() (err error) {
		v.Timeline, err = s.readTimeline(ctx, run)
		return err
	})
	g.Go(func() (err error) {
		v.Head, err = s.readHead(ctx, run)
		return err
	})
	g.Go(func() (err error) {
		if v.Grids, err = s.readGrids(ctx, run, q); err != nil {
			return err
		}
		if v.Measured, err = s.readMeasured(ctx, run); err != nil {
			return err
		}
		v.Log, err = s.readLog(ctx, run.ID)
		return err
	})
	v.Config, v.Machine = newConfigView(run, q), newMachineView(run)
	return v, g.Wait()
}

// liveProgress is how far a run is; only for one that runs it is worth its cost.
func (s *Pages) liveProgress(ctx context.Context, run *store.Run) (progress.Progress, error) {
	if run.Status != record.StatusRunning {
		return progress.Progress{Step: run.LastStep, Total: run.TotalSteps}, nil
	}
	return progress.ReadProgress(ctx, s.Store, run.RunInfo, s.Now())
}
