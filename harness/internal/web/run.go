package web

import (
	"net/http"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/store"
)

// runView is what run.html shows.
type runView struct {
	*store.Run
	Plots []plot
}

// runPage is all about one run.
func (s *Server) runPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	run, err := s.Store.Resolve(ctx, r.PathValue("run"))
	if err != nil {
		return err
	}
	// The state is read before what it stands for: a change in between is shown
	// twice rather than not at all.
	state, err := s.state(ctx, runsTopic(run.ID))
	if err != nil {
		return err
	}
	points, err := s.Store.Series(ctx, run.ID, "train/loss", store.SeriesOptions{MaxPoints: 1000})
	if err != nil {
		return err
	}
	line := chart.Line{Label: "train/loss"}
	for _, p := range points {
		line.Points = append(line.Points, chart.Point{X: float64(p.Step), Y: p.Value})
	}
	c := chart.Chart{Title: "train/loss", XLabel: "step", YLabel: "loss", LogY: true, Lines: []chart.Line{line}}
	return s.render(w, r, "run.html", page{Title: run.Slug, Nav: "runs", Topic: string(runsTopic(run.ID)), State: state,
		Body: runView{run, []plot{newPlot("loss", c)}}})
}
