package compare

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Table is a titled part of a comparison, ready to be rendered as text,
// Markdown or anything else go-pretty knows.
type Table struct {
	Title  string
	Header table.Row
	Rows   []table.Row
}

// Tables lays the result out: runs as columns, what is compared as rows. clean
// is applied to every text that comes from a config or a user.
func (r *Result) Tables(clean func(string) string) []Table {
	header := func(first ...any) table.Row {
		row := table.Row(first)
		for _, run := range r.Runs {
			row = append(row, clean(run.Slug))
		}
		return row
	}
	outcome := Table{Title: "Runs", Header: header("")}
	add := func(name string, text func(Run) string) {
		row := table.Row{name}
		for _, run := range r.Runs {
			row = append(row, text(run))
		}
		outcome.Rows = append(outcome.Rows, row)
	}
	add("name", func(run Run) string { return clean(run.Name) })
	add("status", func(run Run) string { return run.Status })
	add("seed", func(run Run) string { return fmt.Sprint(run.Seed) })
	add("steps", func(run Run) string { return fmt.Sprint(run.Steps) })
	add("loss, mean of last 100", func(run Run) string { return run.LateLoss.Text() })
	add("loss, last", func(run Run) string { return run.LastLoss.Text() })
	add("loss, smallest", func(run Run) string { return run.BestLoss.Text() })
	add("s/step, median", func(run Run) string { return run.StepTime.Text() })
	add("s in steps", func(run Run) string { return run.TrainTime.Text() })
	add("peak MiB", func(run Run) string { return fmt.Sprint(run.PeakMemory >> 20) })
	tables := []Table{outcome}

	for _, part := range []struct {
		title string
		from  []Difference
	}{{"Config differences", r.Config}, {"Environment differences", r.Environment}} {
		t := Table{Title: part.title, Header: header("key")}
		for _, d := range part.from {
			row := table.Row{clean(d.Path)}
			for _, v := range d.Values {
				row = append(row, clean(v))
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}

	sampling := Table{Title: "Sampling: evaluations and seconds an image", Header: header("sampler", "steps", "guidance")}
	for _, s := range r.Samples {
		row := table.Row{s.Sampler, s.Steps, s.Guidance}
		for _, c := range s.Cells {
			if c.Images == 0 {
				row = append(row, "-")
			} else {
				row = append(row, fmt.Sprintf("%d, %s s", c.NFE, c.Seconds.Text()))
			}
		}
		sampling.Rows = append(sampling.Rows, row)
	}
	return append(tables, sampling)
}
