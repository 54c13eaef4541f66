package runpage

import (
	"bufio"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// seriesCSV is a series of a run as step,value lines with all their digits;
// ?zoom=FROM-TO is the part between two steps.
func (s *Pages) seriesCSV(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("name"), ".csv")
	if !ok {
		return shell.ErrNoPage
	}
	var zoom stepRange
	if text := r.URL.Query().Get("zoom"); text != "" {
		var err error
		if zoom, err = parseStepRange(text); err != nil {
			return err
		}
	}
	run, err := s.Store.Resolve(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	points, err := s.Store.Series(r.Context(), run.ID, name, store.SeriesOptions{From: zoom.From, To: zoom.To})
	if err != nil {
		return err
	}
	if len(points) == 0 && zoom == (stepRange{}) {
		return fmt.Errorf("%w: run %s has no series %s", shell.ErrNoPage, run.Slug, name)
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": run.Slug + "-" + plotID(name) +
		".csv"}))
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "step,value")
	for _, p := range points {
		fmt.Fprintf(out, "%d,%s\n", p.Step, strconv.FormatFloat(p.Value, 'g', -1, 64))
	}
	_ = out.Flush() // a reader who has left cannot be told
	return nil
}
