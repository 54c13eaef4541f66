package comparepage

import (
	"context"
	"html/template"
	"slices"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/web/plot"
	"flowharness/harness/internal/web/shell"
)

// compareShown is a comparison as the page shows it.
type compareShown struct {
	Paths     []string // config keys to group by
	Samplers  []string
	StepCount []int
	Guidances []string

	Groups      []compareGroup
	Forest      template.HTML
	Findings    []compareFinding
	Warnings    []compareWarning
	Metrics     report.Table
	Lead        []report.Table // cost and targets
	Differences []report.Table
	Rest        []report.Table
	Frontiers   []plot.Plot
	Curves      []plot.Plot
	Several     bool // some group has several runs
	Grids       *compareGrids
	LinesURL    string // of the page with and without single runs
}

type compareGroup struct {
	Label  string
	Series int
	Detail string
	Runs   []string // slugs
}

// compareWarning is a warning, and what to type against it; "" if that is not known.
type compareWarning struct{ Text, Command string }

type compareFinding struct{ Verdict, Class, Text string }

func (s *Pages) fillCompare(ctx context.Context, v *compareView, selected compare.Selected) error {
	result, err := s.compared(ctx, selected)
	if err != nil {
		return err
	}
	q := v.Query
	v.Command, v.Report = q.command(s.Options.Store.Path()), shell.AddressOf("/compare/report", q.asked())
	c := &compareShown{}
	for _, w := range result.Warnings {
		c.Warnings = append(c.Warnings, compareWarning{w.Text, commandFor(w.Help)})
	}
	v.Shown = c
	c.choices(result)
	for i, g := range result.Groups {
		group := compareGroup{Label: g.Label, Series: i % len(chart.Palette)}
		for _, run := range g.Runs {
			group.Runs = append(group.Runs, result.Runs[run].Slug)
		}
		group.Detail = printable.Count(len(g.Runs), "run")
		if len(g.Runs) == 1 {
			group.Detail = result.Runs[g.Runs[0]].Name
		}
		c.Groups = append(c.Groups, group)
		c.Several = c.Several || len(g.Counted) > 1
	}
	c.Forest = template.HTML(report.Forest(result, printable.Clean).SVG()) // #nosec: chart escapes its texts
	for _, f := range report.Findings(result) {
		c.Findings = append(c.Findings, compareFinding{string(f.Verdict), report.VerdictClass(f.Verdict), f.Text})
	}
	for _, t := range report.Tables(result, printable.Clean) {
		if len(t.Rows) == 0 {
			continue
		}
		switch t.ID {
		case "metrics":
			c.Metrics = t
		case "cost", "targets":
			c.Lead = append(c.Lead, t)
		case "config", "environment":
			c.Differences = append(c.Differences, t.ForPage())
		case "curves": // they are drawn
		default:
			c.Rest = append(c.Rest, t.ForPage())
		}
	}
	c.plots(result, q)
	other := q
	other.Lines = !q.Lines
	c.LinesURL = other.address()
	c.Grids = newCompareGrids(result, q)
	return nil
}

// choices are those of the form.
func (c *compareShown) choices(result *compare.Result) {
	c.Paths = append([]string{compare.ByConfig}, result.ConfigPaths()...)
	for _, s := range result.AllSettings() {
		c.Samplers = append(c.Samplers, s.Sampler)
		c.StepCount = append(c.StepCount, s.Steps)
		c.Guidances = append(c.Guidances, shell.Digits(s.Guidance))
	}
	slices.Sort(c.StepCount)
	c.Samplers, c.StepCount = slices.Compact(c.Samplers), slices.Compact(c.StepCount)
	slices.Sort(c.Guidances)
	c.Guidances = slices.Compact(c.Guidances)
}

func (c *compareShown) plots(result *compare.Result, q compareQuery) {
	for _, f := range report.Figures(result, report.ChartOptions{Clean: printable.Clean, Means: true, Runs: q.Lines}) {
		drawn, zoom, zoomed := f.Chart, "", false
		frontier := f.Axis == ""
		if !frontier {
			stretch := q.Spans[f.Axis]
			drawn, zoom, zoomed = stretch.Cut(drawn), zoomKey(f.Axis), !stretch.Whole()
		}
		p := plot.New(f.ID, drawn)
		p.Note, p.ZoomKey, p.Zoomed = f.Note, zoom, zoomed
		p.Legend = nil
		for _, g := range f.Groups {
			p.Legend = append(p.Legend, plot.Legend{Label: c.Groups[g].Label, Series: c.Groups[g].Series})
		}
		if frontier {
			c.Frontiers = append(c.Frontiers, p)
		} else {
			c.Curves = append(c.Curves, p)
		}
	}
}

// commandFor is what to type for a remedy that no button has; "" if there is nothing.
func commandFor(help fault.Remedy) string {
	switch {
	case len(help.Args) < 2:
	case help.Action == fault.MeasureMoreImages:
		return "harness evaluate " + printable.ShellWord(help.Args[0]) + " --images " + help.Args[1]
	case help.Action == fault.MeasureReferences:
		return "harness evaluate " + printable.ShellWord(help.Args[0]) + " --references --images " + help.Args[1]
	}
	return ""
}
