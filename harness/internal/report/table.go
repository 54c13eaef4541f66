// Package report shows a comparison to readers: in sentences, tables and charts, as
// Markdown, CSV, JSON or a page. It computes nothing: what it is given, a
// [compare.Result], holds every value and verdict, and equal results give equal
// texts.
package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

// Table is a titled part of a comparison, ready to be rendered as text, Markdown
// or anything else.
type Table struct {
	ID     string // what it is about, whatever the title says: metrics, cost, …
	Title  string
	Header table.Row
	Rows   []table.Row
	Note   string // below the table

	turns bool // runs are its columns, and may be its rows instead
	keys  int  // columns at the left that say what a row is about; 1 if 0
}

// Tables lays the result out. clean is applied to every text that comes from a
// config or a user.
func Tables(r *compare.Result, clean func(string) string) []Table {
	l := layout{r, clean}
	return []Table{l.runs(), l.metrics(), l.cost(), l.targets(), l.frontier(), l.curves(),
		l.aligned("by_steps", "Losses at the same step", compare.BySteps, r.BySteps),
		l.aligned("by_images", "Losses after the same number of training images", compare.ByImages, r.ByImages),
		l.aligned("by_seconds", "Losses after the same time in training steps", compare.BySeconds, r.BySeconds),
		l.differences("config", "Config differences", r.Config),
		l.differences("environment", "Environment differences", r.Environment), l.sampling()}
}

// layout makes the tables of a result.
type layout struct {
	*compare.Result
	clean func(string) string
}

func (l layout) runs() Table {
	t := Table{ID: "runs", Title: "Runs", Header: table.Row{""}, turns: true}
	grouped := len(l.Groups) < len(l.Runs)
	for _, run := range l.Runs {
		t.Header = append(t.Header, l.clean(run.Slug))
	}
	add := func(name string, text func(i int, run compare.Run) string) {
		row := table.Row{name}
		for i, run := range l.Runs {
			row = append(row, text(i, run))
		}
		t.Rows = append(t.Rows, row)
	}
	add("name", func(_ int, run compare.Run) string { return l.clean(run.Name) })
	if grouped {
		add("group", func(i int, _ compare.Run) string { return l.clean(groupOf(l.Result, i)) })
	}
	for _, texts := range []struct {
		name string
		of   func(compare.Run) string
	}{
		{"tags", func(run compare.Run) string { return strings.Join(run.Tags, ", ") }},
		{"notes", func(run compare.Run) string { return run.Notes }},
	} {
		if slices.ContainsFunc(l.Runs, func(run compare.Run) bool { return texts.of(run) != "" }) {
			add(texts.name, func(_ int, run compare.Run) string { return l.clean(short(texts.of(run))) })
		}
	}
	add("status", func(_ int, run compare.Run) string { return string(run.Status) })
	add("seed", func(_ int, run compare.Run) string { return fmt.Sprint(run.Seed) })
	add("steps", func(_ int, run compare.Run) string { return fmt.Sprint(run.Steps) })
	if l.otherBatches() {
		add("batch size", func(_ int, run compare.Run) string { return count(run.BatchSize) })
		add("images seen", func(_ int, run compare.Run) string { return count(run.ImagesSeen) })
	}
	add("loss, mean of last 100", func(_ int, run compare.Run) string { return run.LateLoss.Text() })
	add("loss, last", func(_ int, run compare.Run) string { return run.LastLoss.Text() })
	add("loss, smallest", func(_ int, run compare.Run) string { return run.BestLoss.Text() })
	add("s/step, median", func(_ int, run compare.Run) string { return run.StepTime.Text() })
	add("s in steps", func(_ int, run compare.Run) string { return run.TrainTime.Text() })
	add("peak MiB", func(_ int, run compare.Run) string { return fmt.Sprint(run.PeakMemory >> 20) })
	return t
}

// otherBatches tells whether the runs have batches of several sizes.
func (l layout) otherBatches() bool { return len(l.BatchSizes) > 1 }

// count is a number, or "-" for 0.
func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func groupOf(r *compare.Result, run int) string {
	for _, g := range r.Groups {
		if slices.Contains(g.Runs, run) {
			return g.Label
		}
	}
	return ""
}

// arrow says which way is better.
func arrow(m compare.Metric) string {
	switch m.Better {
	case compare.Higher:
		return m.Name + " ↑"
	case compare.Lower:
		return m.Name + " ↓"
	default:
		return m.Name
	}
}

func (l layout) metrics() Table {
	t := Table{ID: "metrics", Title: "Metrics", keys: 2,
		Header: table.Row{"metric", "group", "n", "mean ± sd", "95 % interval", "difference", "95 % interval", "test", "p (Holm)", "verdict"}}
	at := map[string]bool{}
	for _, s := range l.Settings {
		if s != nil {
			at[s.String()] = true
		}
	}
	if len(at) == 1 {
		for text := range at {
			t.Title += " (samples: " + l.clean(text) + l.imagesEach() + ")"
		}
	}
	for _, row := range l.Metrics {
		t.Rows = append(t.Rows, l.rows(row, true)...)
		for _, ref := range row.References {
			label := fmt.Sprintf("(%s, %d)", referenceLabel(ref), ref.Images)
			t.Rows = append(t.Rows, table.Row{"", label, "", ref.Value.Text(), "", "", "", "", "", ""})
		}
	}
	if len(l.Groups) > 1 {
		t.Note = fmt.Sprintf("Differences are to %s. Intervals are bootstrap intervals over seeds.", l.clean(l.Groups[0].Label))
	}
	return t
}

// imagesEach is how many images samples were measured on, if all were on one
// number.
func (l layout) imagesEach() string {
	var counts []int
	for _, row := range l.Metrics {
		counts = append(counts, row.Images()...)
	}
	slices.Sort(counts)
	if counts = slices.Compact(counts); len(counts) != 1 {
		return ""
	}
	return fmt.Sprintf("; %s each", printable.Count(counts[0], "image"))
}

func referenceLabel(r compare.Reference) string {
	if r.Kind == compare.Noise {
		return "noise"
	}
	return "real images"
}

func (l layout) rows(row compare.Row, tests bool) []table.Row {
	var rows []table.Row
	for g, s := range row.Groups {
		cells := table.Row{"", l.clean(l.Groups[g].Label), s.N, meanText(s), interval(s.Low, s.High, compare.Value.Text), "", ""}
		if g == 0 {
			cells[0] = arrow(row.Metric)
		}
		if tests {
			cells = append(cells, "", "", "")
		} else {
			cells = append(cells, "")
		}
		if g > 0 {
			c := row.Comparisons[g-1]
			cells[5], cells[6] = signed(c.Difference), interval(c.Low, c.High, signed)
			if tests {
				cells[7], cells[8] = c.Test, PText(c.PHolm)
			}
			cells[len(cells)-1] = string(c.Verdict)
			if c.Images != nil && c.Verdict == compare.TooFewSeeds && c.Images.Verdict != compare.NoEvidence {
				cells[len(cells)-1] = fmt.Sprintf("%s (these checkpoints: %s)", c.Verdict, c.Images.Verdict)
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

func meanText(s compare.Summary) string {
	switch {
	case s.N > 1:
		return fmt.Sprintf("%s ± %s", s.Mean.Text(), rough(s.StdDev))
	case !s.StdErr.Missing():
		return fmt.Sprintf("%s (se %s)", s.Mean.Text(), rough(s.StdErr))
	default:
		return s.Mean.Text()
	}
}

// rough is the number to two digits.
func rough(v compare.Value) string {
	if v.Missing() {
		return "-"
	}
	return fmt.Sprintf("%.2g", float64(v))
}

func interval(low, high compare.Value, text func(compare.Value) string) string {
	if low.Missing() || high.Missing() {
		return ""
	}
	return "[" + text(low) + ", " + text(high) + "]"
}

func (l layout) cost() Table {
	t := Table{ID: "cost", Title: "Cost", keys: 2,
		Header: table.Row{"", "group", "n", "mean ± sd", "95 % interval", "difference", "95 % interval", "verdict"}}
	for _, row := range l.Cost {
		t.Rows = append(t.Rows, l.rows(row, false)...)
	}
	return t
}

func (l layout) targets() Table {
	t := Table{ID: "targets", Title: "Cost of getting as far", Header: table.Row{"until", "group", "runs", "steps"}, keys: 2}
	if l.otherBatches() {
		t.Header = append(t.Header, "images seen")
	}
	t.Header = append(t.Header, "s in training steps")
	for _, target := range l.Targets {
		for g, reached := range target.Groups {
			sign := "≥"
			if compare.Describe(target.Metric).Better == compare.Lower {
				sign = "≤"
			}
			row := table.Row{"", l.clean(l.Groups[g].Label), fmt.Sprintf("%d of %d", reached.Reached, reached.Runs), reached.Steps.Text()}
			if l.otherBatches() {
				row = append(row, rounded(reached.Images))
			}
			row = append(row, reached.Seconds.Text())
			if g == 0 {
				row[0] = fmt.Sprintf("%s %s %s", target.Metric, sign, target.Value.Text())
			}
			t.Rows = append(t.Rows, row)
		}
		if !target.Ranked {
			t.Note = "Losses of these runs mean different things: read each line by itself."
		}
	}
	return t
}
