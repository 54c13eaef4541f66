package regression

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/junit"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
)

// Summary is the outcome in a line.
func (r Report) Summary() string {
	failed, skipped := len(r.Failed()), len(r.Skipped())
	text := fmt.Sprintf("all %d checks passed", len(r.Checks)-skipped)
	if failed > 0 {
		text = fmt.Sprintf("%d of %d checks failed", failed, len(r.Checks)-skipped)
	}
	if skipped > 0 {
		text += fmt.Sprintf(", %d more could not be made", skipped)
	}
	return text
}

// Table lists the checks, those that failed first. clean is applied to every
// text that comes from a config or a user.
func (r Report) Table(clean func(string) string) report.Table {
	t := report.Table{Title: "Benchmark: " + r.Summary(), Header: table.Row{"variant", "check", "outcome", "why"}}
	for _, o := range []Outcome{Failed, Skipped, OK} {
		for _, c := range r.with(o) {
			t.Rows = append(t.Rows, table.Row{clean(c.Variant), clean(c.Name), string(c.Outcome), clean(c.Why)})
		}
	}
	return t
}

// WriteMarkdown writes the checks and the comparison, for a job's summary or a
// pull request.
func (r Report) WriteMarkdown(w io.Writer, clean func(string) string) error {
	if err := report.WriteMarkdownTable(w, r.Table(clean).Escaped(clean)); err != nil {
		return err
	}
	return report.WriteMarkdown(w, r.Comparison, clean)
}

// HTML is the comparison's page with the checks before everything else.
func (r Report) HTML(ctx context.Context, st *store.Store, clean func(string) string) ([]byte, error) {
	album, err := r.Comparison.Album(ctx, st)
	if err != nil {
		return nil, err
	}
	return report.HTML(r.Comparison, album, clean, r.Table(clean))
}

// JUnit is the checks as JUnit XML: a suite for each variant.
func (r Report) JUnit(clean func(string) string) []byte {
	var suites []junit.Suite
	for _, c := range r.Checks {
		variant := clean(c.Variant)
		if len(suites) == 0 || suites[len(suites)-1].Name != variant {
			suites = append(suites, junit.Suite{Name: variant})
		}
		test := junit.Case{Name: clean(c.Name)}
		switch why := strings.TrimSpace(clean(c.Why)); c.Outcome {
		case Failed:
			test.Failure = why
		case Skipped:
			test.Skipped = why
		default:
			test.Detail = why
		}
		last := &suites[len(suites)-1]
		last.Cases = append(last.Cases, test)
	}
	return junit.Encode(suites)
}
