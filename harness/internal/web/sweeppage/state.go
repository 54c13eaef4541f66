package sweeppage

import (
	"fmt"
	"net/url"
	"strings"

	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/web/shell"
)

// state says what of a variant is not finished, with a mark for what is under
// way; "" if all is.
func (v variant) state() string {
	counts := map[record.Status]int{}
	ended := 0
	for _, run := range v.Runs {
		counts[run.Status]++
		if run.Status == record.StatusFinished {
			ended++
		}
	}
	all := max(v.Planned, len(v.Runs))
	var words []string
	if n := counts[record.StatusRunning]; n > 0 {
		var all progress.Progress
		for _, run := range v.Runs {
			if run.Status == record.StatusRunning {
				all.Step, all.Total = all.Step+run.LastStep, all.Total+run.TotalSteps
			}
		}
		words = append(words, fmt.Sprintf("▶ %d %%", all.Percent()))
	}
	for _, status := range []record.Status{record.StatusFailed, record.StatusCrashed, record.StatusDiverged, record.StatusInterrupted,
		record.StatusStopped} {
		if n := counts[status]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, status))
		}
	}
	if ended > 0 && ended < all {
		words = append([]string{fmt.Sprintf("%d of %d", ended, all)}, words...)
	}
	if len(v.Runs) == 0 {
		words = append(words, "waiting")
	}
	return strings.Join(words, ", ")
}

// link leads to the runs of a variant: the one, or their comparison.
func (v variant) link() string {
	switch len(v.Runs) {
	case 0:
		return ""
	case 1:
		return "/runs/" + url.PathEscape(v.Runs[0].Slug)
	}
	return shell.AddressOf("/compare", url.Values{"run": v.slugs()})
}

// link is that of a variant as it stands in a chart, which no template writes.
func (d *sweepData) link(v variant) string {
	if to := v.link(); to != "" {
		return d.base + to
	}
	return ""
}

func (v variant) slugs() []string {
	list := make([]string, len(v.Runs))
	for i, run := range v.Runs {
		list[i] = run.Slug
	}
	return list
}
