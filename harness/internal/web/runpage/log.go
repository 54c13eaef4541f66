package runpage

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"flowharness/harness/internal/store"
)

// logView is the end of a run's log.
type logView struct {
	Lines []store.LogLine
	Cut   bool // there are more before
}

// logTail is how many lines of a log a run's page has.
const logTail = 200

func (s *Pages) readLog(ctx context.Context, runID string) (v logView, err error) {
	v.Lines, err = s.Store.Logs(ctx, runID, store.LogOptions{Tail: logTail})
	v.Cut = len(v.Lines) > 0 && v.Lines[0].Line > 1
	return v, err
}

// logText is the whole log of a run as text.
func (s *Pages) logText(w http.ResponseWriter, r *http.Request) error {
	run, err := s.Store.Resolve(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	lines, err := s.Store.Logs(r.Context(), run.ID, store.LogOptions{})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriter(w)
	for _, l := range lines {
		fmt.Fprintf(out, "%s %-7s %s\n", l.At.Format(time.RFC3339), l.Level, strings.ReplaceAll(l.Message, "\n", "\n    "))
	}
	_ = out.Flush() // a reader who has left cannot be told
	return nil
}
