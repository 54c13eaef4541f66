package web

import (
	"net/http"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/report"
)

// compareReport is the page that harness compare --html writes.
func (s *Server) compareReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := parseCompareQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if len(q.Runs) == 0 {
		return badRequest("name the runs to compare")
	}
	selected, err := s.selectCompared(ctx, q)
	if err != nil {
		return compareRefusal(err)
	}
	result, err := s.compared(ctx, q, selected)
	if err != nil {
		return compareRefusal(err)
	}
	album, err := result.Album(ctx, s.Store)
	if err != nil {
		return err
	}
	page, err := report.HTML(result, album, printable.Clean)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="harness-compare.html"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page)
	return nil
}
