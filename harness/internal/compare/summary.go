package compare

import "strings"

// Summary says in a line for each group what it comes to against the first; the
// report has the numbers.
func (r *Result) Summary() []string {
	lines := []string{}
	for _, t := range r.Tallies() {
		var parts []string
		for _, v := range t.Verdicts {
			parts = append(parts, string(v.Verdict)+": "+listed(v.Metrics))
		}
		if len(parts) > 0 {
			lines = append(lines, t.Group+" against "+t.Against+": "+strings.Join(parts, "; "))
		}
	}
	return lines
}
