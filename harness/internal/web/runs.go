package web

import (
	"net/http"

	"flowharness/harness/internal/store"
)

// runsPage is the table of runs.
func (s *Server) runsPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	state, err := s.state(ctx, everything)
	if err != nil {
		return err
	}
	runs, err := s.Store.ListRuns(ctx, store.Filter{Text: r.URL.Query().Get("q"), Limit: 100})
	if err != nil {
		return err
	}
	return s.render(w, r, "runs.html", page{Title: "Runs", Nav: "runs", Topic: string(everything), State: state, Body: runs})
}
