package report

import (
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

// Summary says in a line for each group what it comes to against the first; the
// report has the numbers.
func Summary(r *compare.Result) []string {
	lines := []string{}
	for _, t := range r.Tallies() {
		var parts []string
		for _, v := range t.Verdicts {
			parts = append(parts, string(v.Verdict)+": "+printable.Few(v.Metrics, mostNamed))
		}
		if len(parts) > 0 {
			lines = append(lines, t.Group+" against "+t.Against+": "+strings.Join(parts, "; "))
		}
	}
	return lines
}

// mostNamed is how many metrics of a verdict a summary names.
const mostNamed = 6
