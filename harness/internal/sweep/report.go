package sweep

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
)

// Comparison is what the variants of a sweep have come to.
type Comparison struct {
	Result *compare.Result
	Checks []condition.Check // of the sweep's conditions
	Best   *Best             // of a search
}

// Best is the trial with the best objective.
type Best struct {
	Variant string
	Value   float64
}

// Record notes in the store which runs belong to the sweep.
func (p *Plan) Record(ctx context.Context, st *store.Store, inv Inventory) error {
	if err := st.PutSweep(ctx, p.File.Name, string(p.File.Source)); err != nil {
		return err
	}
	return p.recordTasks(ctx, st, inv, p.Tasks)
}

func (p *Plan) recordTasks(ctx context.Context, st *store.Store, inv Inventory, tasks []Task) error {
	var list []store.SweepRun
	for _, t := range tasks {
		for _, r := range t.Runs {
			found := inv.Of(r)
			if found.State == StateNew {
				continue
			}
			values := map[string]string{}
			for _, a := range p.Variants[r.Variant].Assignments {
				values[a.Path] = a.Value
			}
			list = append(list, store.SweepRun{RunID: found.Run.ID, Variant: p.Variants[r.Variant].Label, Values: values})
		}
	}
	return st.PutSweepRuns(ctx, p.File.Name, list)
}

// Compare compares the variants, each with the first, by the runs that have come
// to their end. It is nil if these are fewer than two.
func (p *Plan) Compare(ctx context.Context, st *store.Store, inv Inventory) (*Comparison, error) {
	options := compare.Options{GroupBy: p.File.Compare.GroupBy, Metrics: p.File.Compare.Metrics,
		Also:    condition.Metrics(p.File.Compare.FailIf),
		Sampler: p.File.Compare.Sampler, Steps: p.File.Compare.Steps, Guidance: p.File.Compare.Guidance, Labels: map[string]string{}}
	chosen, err := p.ended(ctx, st, inv)
	if err != nil {
		return nil, err
	}
	if len(options.GroupBy) == 0 {
		for _, r := range chosen {
			options.Labels[r.ID] = p.Variants[r.variant].Label
		}
	}
	if len(chosen) < 2 {
		return nil, nil
	}
	unfinished := 0
	for _, t := range p.Tasks {
		for _, r := range t.Runs {
			if !inv.State(t, r).CameToEnd() {
				unfinished++
			}
		}
	}
	if unfinished > 0 {
		note := "%d of %d runs of the sweep have not come to their end and are left out"
		if p.File.StopsTrials() {
			note = "%d of %d runs of the search were stopped early, or have not come to their end, and are left out"
		}
		options.Notes = append(options.Notes, fmt.Sprintf(note, unfinished, p.Runs()))
	}
	if s := p.File.Search; s != nil {
		options.Also = append(options.Also, s.Objective.Metric)
	}
	data, err := read(ctx, st, chosen)
	if err != nil {
		return nil, err
	}
	c := &Comparison{}
	if c.Result, err = compare.Compare(data, options); err != nil {
		return nil, err
	}
	switch {
	case len(p.File.Compare.FailIf) == 0:
	case len(c.Result.Groups) < 2:
		c.Result.Warnings = append(c.Result.Warnings,
			compare.Warning{Text: "the conditions of compare.fail_if are not checked: these runs form one group"})
	default:
		if c.Checks, err = condition.Evaluate(c.Result, p.File.Compare.FailIf); err != nil {
			return nil, err
		}
	}
	if s := p.File.Search; s != nil {
		c.Best = best(c.Result, s)
	}
	return c, nil
}

// Data is what a comparison needs of the runs that have come to their end, by
// variant.
func (p *Plan) Data(ctx context.Context, st *store.Store, inv Inventory) (compare.Data, error) {
	chosen, err := p.ended(ctx, st, inv)
	if err != nil {
		return compare.Data{}, err
	}
	return read(ctx, st, chosen)
}

// endedRun is a run that has come to its end.
type endedRun struct {
	*store.Run
	variant int
}

// ended are the runs that have come to their end, by variant.
func (p *Plan) ended(ctx context.Context, st *store.Store, inv Inventory) ([]endedRun, error) {
	var list []endedRun
	for _, t := range p.Tasks {
		for _, r := range t.Runs {
			found := inv.Of(r)
			if !found.State.CameToEnd() {
				continue
			}
			run, err := st.Run(ctx, found.Run.ID)
			if err != nil {
				return nil, err
			}
			list = append(list, endedRun{run, r.Variant})
		}
	}
	slices.SortStableFunc(list, func(a, b endedRun) int { return a.variant - b.variant })
	return list, nil
}

func read(ctx context.Context, st *store.Store, runs []endedRun) (compare.Data, error) {
	list := make([]*store.Run, len(runs))
	for i, r := range runs {
		list[i] = r.Run
	}
	return compare.Read(ctx, st, list)
}

// best finds the trial with the best mean of the objective, of equal ones the
// first; nil if none has a value.
func best(r *compare.Result, s *Search) *Best {
	var found *Best
	for g, group := range r.Groups {
		value := r.Mean(s.Objective.Metric, g)
		if value.Missing() {
			continue
		}
		v := float64(value)
		if found == nil || s.Objective.Maximize() && v > found.Value || !s.Objective.Maximize() && v < found.Value {
			found = &Best{group.Label, v}
		}
	}
	return found
}

// WriteReports leaves the comparison as Markdown and as a page in the folder.
func (p *Plan) WriteReports(ctx context.Context, st *store.Store, c *Comparison, folder Folder, summary []string,
	clean func(string) string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Sweep %s\n\n%s\n\n", report.EscapeMarkdown(clean(p.File.Name)),
		report.EscapeMarkdown(clean(strings.Join(summary, " "))))
	if err := report.WriteMarkdown(&b, c.Result, clean); err != nil {
		return err
	}
	if err := WriteFile(folder.ReportPath("md"), b.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	album, err := c.Result.Album(ctx, st)
	if err != nil {
		return err
	}
	page, err := report.HTML(c.Result, album, clean)
	if err != nil {
		return err
	}
	if err := WriteFile(folder.ReportPath("html"), page); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
