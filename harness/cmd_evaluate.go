package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

type evaluateOptions struct {
	*app
	drawFlags
	images     int
	references bool
	json       bool
}

func newEvaluateCommand(a *app) *cobra.Command {
	o := &evaluateOptions{app: a}
	cmd := &cobra.Command{
		Use:   "evaluate RUN",
		Short: "Measure the quality of a run's samples and record it",
		Long: `Draw many images for every sampler × steps × guidance given, from the run's
latest checkpoint, and measure them against the dataset's test split: how often
the classifier reads the class that was asked for, distances between the features
of drawn and real images, and how straight the way from noise to image is. What is
not given is taken from the run's config. Image i starts from the same noise in
every run of one --seed.

Take 1,000 images or more: of few, distances and shares such as precision say
little. Weights that hold NaN, as after training that diverged, are refused: name
an earlier file with --checkpoint. --references measures no samples, only as many
real images and images of noise, where a comparison lacks them.

harness metrics list explains the metrics. A config with metrics.at_end: true
does this at the end of its run.`,
		Example: "  harness evaluate @1\n  harness evaluate brave-otter-42 --sampler heun --steps 1,2,4,8,16,50 --guidance 2 " +
			"--images 10000",
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.drawFlags.add(cmd)
	cmd.Flags().IntVarP(&o.images, "images", "n", 0, "images to draw for each (default: the config's metrics.images)")
	cmd.Flags().BoolVar(&o.references, "references", false, "measure real images and noise only, as many as --images, to hold samples against")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was measured as JSON")
	return cmd
}

func (o *evaluateOptions) run(cmd *cobra.Command, ref string) error {
	if o.references {
		return o.measureReferences(cmd, ref)
	}
	so, err := o.drawFlags.options(cmd)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("images") && o.images == 0 { // which stands for the config's
		return usagef("--images must be above 0, is 0")
	}
	so.Images = o.images
	progress := newRunProgress(o.err, 10)
	run, records, err := experiment.Evaluate(cmd.Context(), ref, so, experiment.Options{StorePath: o.storePath(""), Argv: o.argv,
		Observe: progress.event, Warn: progress.warn})
	progress.close()
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]map[string]any, 0, len(records))
		for _, e := range records {
			rows = append(rows, evaluationJSON(e))
		}
		return o.printJSON(rows)
	}
	return o.withRuns(cmd.Context(), []string{run.ID}, func(st *store.Store, runs []*store.Run) error {
		return o.printEvaluations(cmd.Context(), st, runs[0])
	})
}

func (o *evaluateOptions) measureReferences(cmd *cobra.Command, ref string) error {
	for _, name := range []string{"sampler", "steps", "guidance", "seed", "ema", "checkpoint"} {
		if cmd.Flags().Changed(name) {
			return usagef("--references measures no samples: leave out --%s", name)
		}
	}
	progress := newRunProgress(o.err, 10)
	measured, err := experiment.MeasureReferences(cmd.Context(), ref, o.images, experiment.Options{StorePath: o.storePath(""), Argv: o.argv,
		Observe: progress.event, Warn: progress.warn})
	progress.close()
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]map[string]any, 0, len(measured))
		for _, r := range measured {
			rows = append(rows, map[string]any{"kind": r.Kind, "dataset": r.Dataset, "classifier": r.Classifier, "images": r.Images,
				"metrics": metricsJSON(r.Metrics)})
		}
		return o.printJSON(rows)
	}
	columns := []string{}
	for _, r := range measured {
		if len(columns) == 0 {
			columns = columnsOf(r.Metrics)
		}
	}
	t := terminal.NewTable("", "images")
	for _, name := range columns {
		t.Header = append(t.Header, name)
	}
	for _, r := range measured {
		t.Add(append([]any{referenceText[r.Kind], r.Images}, metricCells(columns, r.Metrics)...)...)
	}
	t.Print(o.out)
	return nil
}

var referenceText = map[store.ReferenceKind]string{store.ReferenceReal: "real images", store.ReferenceNoise: "noise"}

func evaluationJSON(e store.EvaluationRecord) map[string]any {
	j := e.Drawing.JSON()
	j["dataset"], j["classifier"], j["metrics"] = e.Dataset, e.Classifier, metricsJSON(e.Metrics)
	return j
}

func metricsJSON(metrics []store.Metric) []map[string]any {
	rows := make([]map[string]any, 0, len(metrics))
	for _, m := range metrics {
		row := map[string]any{"name": m.Name, "value": number(m.Value)}
		if !math.IsNaN(m.StdErr) {
			row["standard_error"] = number(m.StdErr)
		}
		rows = append(rows, row)
	}
	return rows
}

// printEvaluations prints what was measured on a run's samples, and below it what
// as many real images, and images of noise, reach.
func (a *app) printEvaluations(ctx context.Context, st *store.Store, r *store.Run) error {
	evaluations, err := st.Evaluations(ctx, r.ID)
	if err != nil || len(evaluations) == 0 {
		return err
	}
	last := evaluations[len(evaluations)-1]
	references, err := st.References(ctx, last.Dataset, last.Classifier)
	if err != nil {
		return err
	}
	columns := columnsOf(last.Metrics)
	t := terminal.NewTable("step", "sampler", "steps", "guidance", "NFE", "images")
	others := slices.ContainsFunc(evaluations, func(e store.Evaluation) bool { return e.WeightsFile != "" })
	if others {
		t.Header = append(t.Header, "weights of")
	}
	for _, name := range columns {
		t.Header = append(t.Header, name)
	}
	for _, e := range evaluations {
		cells := []any{e.Step, e.Sampler, e.Steps, e.Guidance, e.NFE, e.Images}
		if others {
			cells = append(cells, clean(e.WeightsFile))
		}
		t.Add(append(cells, metricCells(columns, e.Metrics)...)...)
	}
	for _, ref := range references {
		if slices.ContainsFunc(evaluations, func(e store.Evaluation) bool { return e.Images == ref.Images }) {
			cells := []any{"", referenceText[ref.Kind], "", "", "", ref.Images}
			if others {
				cells = append(cells, "")
			}
			t.Add(append(cells, metricCells(columns, ref.Metrics)...)...)
		}
	}
	fmt.Fprintln(a.out)
	t.Print(a.out)
	a.printRecorded(record.WarningsOf(evaluations, func(e store.Evaluation) record.Drawing { return e.Drawing }))
	for _, n := range unreferenced(evaluations, references) {
		fmt.Fprintf(a.out, "nobody has measured %d real images, and as many of noise: harness evaluate %s --references --images %d\n",
			n, r.Slug, n)
	}
	if spec, err := dataset.SpecOf(last.Dataset); err == nil && spec.Points {
		fmt.Fprintf(a.out, "measured against points of the test split of %s (harness metrics list)\n", last.Dataset)
		return nil
	}
	fmt.Fprintf(a.out, "measured against the test split of %s with classifier %.12s (harness metrics list)\n", last.Dataset, last.Classifier)
	return nil
}

// unreferenced are the numbers of images that evaluations are of and no reference
// is.
func unreferenced(evaluations []store.Evaluation, references []store.Reference) []int {
	var counts []int
	for _, e := range evaluations {
		if !slices.Contains(counts, e.Images) && !slices.ContainsFunc(references, func(r store.Reference) bool { return r.Images == e.Images }) {
			counts = append(counts, e.Images)
		}
	}
	return counts
}

// columnsOf leaves out what would not fit a line: the values of single classes.
func columnsOf(metrics []store.Metric) []string {
	var names []string
	for _, m := range metrics {
		if !strings.Contains(m.Name, "/") && m.Name != "straightness" {
			names = append(names, m.Name)
		}
	}
	return names
}

func metricCells(columns []string, metrics []store.Metric) []any {
	byName := map[string]store.Metric{}
	for _, m := range metrics {
		byName[m.Name] = m
	}
	cells := make([]any, len(columns))
	for i, name := range columns {
		m, ok := byName[name]
		switch {
		case !ok || math.IsNaN(m.Value):
			cells[i] = "-"
		default:
			cells[i] = fmt.Sprintf("%.4g", m.Value)
		}
	}
	return cells
}
