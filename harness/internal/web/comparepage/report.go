package comparepage

import (
	"net/http"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/report"
)

// compareReport is the page that harness compare --html writes.
func (s *Pages) compareReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := parseCompareQuery(r.URL.Query())
	if err != nil {
		return err
	}
	selected, err := q.Select(ctx, s.Store)
	if err != nil {
		return err
	}
	result, err := s.compared(ctx, selected)
	if err != nil {
		return err
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
