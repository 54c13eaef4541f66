package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/classifier"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/terminal"
	"flowharness/metrics"
)

func newMetricsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "metrics", Short: "List the metrics, train the classifiers they need",
		Example: "  harness metrics list\n  harness metrics fit fashion_mnist --flip",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMetricsListCommand(a), newMetricsFitCommand(a))
	return cmd
}

func newMetricsListCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the metrics and the classifiers that are there",
		Long: `List the metrics, and for each dataset the classifiers that are there. Values
of metrics that use a classifier are comparable only where its hash is equal.`,
		Example: "  harness metrics list --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			found, problems := availableClassifiers()
			if asJSON {
				return a.printJSON(map[string]any{"metrics": metricRows(), "classifiers": found})
			}
			t := terminal.NewTable("metric", "better", "range", "classifier", "")
			for _, m := range metrics.All() {
				t.Add(m.Name, m.Better, rangeText(m), yesNo(m.Classifier), m.Description)
			}
			t.Print(a.out)
			fmt.Fprintln(a.out)
			t = terminal.NewTable("classifier", "flip", "accuracy", "mirrored", "sha256", "where")
			for _, c := range found {
				mirrored := "-"
				if c.MirroredAccuracy != nil {
					mirrored = percent(*c.MirroredAccuracy)
				}
				t.Add(c.Dataset, yesNo(c.Flip), percent(c.Accuracy), mirrored, c.SHA256[:12], clean(c.Source))
			}
			t.Print(a.out)
			for _, p := range problems {
				fmt.Fprintf(a.err, "warning: %v\n", p)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object of metrics and classifiers")
	return cmd
}

// metricJSON is a metric as --json prints it.
type metricJSON struct {
	Name        string            `json:"name"`
	Better      metrics.Direction `json:"better"`
	Classifier  bool              `json:"classifier"`
	Counts      bool              `json:"depends_on_count"`
	Unit        string            `json:"unit,omitempty"`
	Low         number            `json:"low"`
	High        number            `json:"high"`
	Description string            `json:"description"`
}

func metricRows() []metricJSON {
	var rows []metricJSON
	for _, m := range metrics.All() {
		rows = append(rows, metricJSON{m.Name, m.Better, m.Classifier, m.DependsOnCount, m.Unit, number(m.Low), number(m.High), m.Description})
	}
	return rows
}

// classifierJSON is a classifier as --json prints it.
type classifierJSON struct {
	Dataset          string   `json:"dataset"`
	Flip             bool     `json:"flip"`
	SHA256           string   `json:"sha256"`
	Source           string   `json:"source"` // "shipped", or a path
	Accuracy         float64  `json:"test_accuracy"`
	MirroredAccuracy *float64 `json:"test_accuracy_mirrored,omitempty"`
	Epochs           int      `json:"epochs"`
	Seed             uint64   `json:"seed"`
}

func toClassifierJSON(w *classifier.Weights) classifierJSON {
	c := classifierJSON{Dataset: w.Dataset, Flip: w.Flip, SHA256: w.SHA256, Source: w.Source, Accuracy: w.Accuracy,
		Epochs: w.Epochs, Seed: w.Seed}
	if w.Flip {
		c.MirroredAccuracy = &w.MirroredAccuracy
	}
	return c
}

// availableClassifiers lists those that can be loaded; problems are of files
// that are there and cannot.
func availableClassifiers() (found []classifierJSON, problems []error) {
	all, problems := classifier.Available()
	found = make([]classifierJSON, 0, len(all))
	for _, w := range all {
		found = append(found, toClassifierJSON(w))
	}
	return found, problems
}

func rangeText(m metrics.Metric) string {
	switch {
	case math.IsInf(m.Low, -1):
		return "any"
	case math.IsInf(m.High, 1):
		return fmt.Sprintf("≥ %g", m.Low)
	default:
		return fmt.Sprintf("%g … %g", m.Low, m.High)
	}
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

type fitOptions struct {
	*app
	flip              bool
	epochs            int
	seed              uint64
	dir, file, device string
	force, json       bool
}

func newMetricsFitCommand(a *app) *cobra.Command {
	o := &fitOptions{app: a}
	cmd := &cobra.Command{
		Use: "fit DATASET", Short: "Train the classifier that a dataset's metrics need",
		Long: `Train a classifier on a dataset and save its weights, to --out or where the
harness looks for them. Classifiers for mnist and digits are shipped and are
used whatever you train. It takes a few minutes.`,
		Example:   "  harness metrics fit fashion_mnist\n  harness metrics fit kmnist --flip --dir ~/datasets",
		Args:      exactly(1, "one DATASET"),
		ValidArgs: dataset.Names(),
		RunE:      func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.flip, "flip", false, "train on mirrored images too, for configs with data.flip: true")
	f.IntVar(&o.epochs, "epochs", classifier.DefaultEpochs, "passes over the training split")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything random")
	pathVar(f, &o.dir, "dir", "the folder that holds the dataset (default: $HARNESS_DATA_DIR, then the user's cache)")
	pathVar(f, &o.file, "out", "write the weights to this file")
	addForce(cmd, &o.force)
	f.StringVar(&o.device, "backend", backend.Auto, "where to compute")
	f.BoolVar(&o.json, "json", false, "print what was trained as JSON")
	return cmd
}

func (o *fitOptions) run(ctx context.Context, name string) error {
	if o.epochs < 1 {
		return usagef("--epochs must be at least 1, is %d", o.epochs)
	}
	if !slices.Contains(dataset.Names(), name) {
		return usagef("there is no dataset %q; use one of: %s", name, strings.Join(dataset.Names(), ", "))
	}
	if dataset.IsOwn(name) {
		return usagef("there is no classifier for data of your own: %s has no metrics of samples", name)
	}
	if spec, err := dataset.SpecOf(name); err == nil && spec.Points {
		return fmt.Errorf("dataset %s is points in the plane, which are measured without a classifier", name)
	}
	if !slices.Contains(backend.Names(), o.device) {
		return usagef("there is no backend %q; use one of: %s", o.device, strings.Join(backend.Names(), ", "))
	}
	if err := (outFile{o.file, files.Weights, o.force}).check(); err != nil { // better said now than after minutes of training
		return err
	}
	train, err := dataset.Open(ctx, dataset.Options{Name: name, Dir: o.dir, Split: "train"})
	if err != nil {
		return err
	}
	test, err := dataset.Open(ctx, dataset.Options{Name: name, Dir: o.dir, Split: "test"})
	if err != nil {
		return err
	}
	b, err := backend.Open(backend.Options{Name: o.device})
	if err != nil {
		return err
	}
	defer b.Finalize()
	if b.Info.Warning != "" {
		fmt.Fprintf(o.err, "warning: %s\n", b.Info.Warning)
	}
	w, err := classifier.Fit(ctx, classifier.FitOptions{Backend: b.Backend, Train: train, Test: test, Flip: o.flip,
		Epochs: o.epochs, Seed: o.seed, Observe: o.progress()})
	if err != nil {
		return err
	}
	if w.Source = o.file; w.Source == "" {
		w.Source = classifier.Path(name, o.flip)
		if err := os.MkdirAll(filepath.Dir(w.Source), 0o755); err != nil {
			return err
		}
	}
	if err := (outFile{w.Source, files.Weights, o.force}).write(w.File()); err != nil {
		return err
	}
	if o.file == "" && classifier.IsShipped(name, o.flip) {
		fmt.Fprintf(o.err, "note: the shipped classifier for %s stays in use\n", name)
	}
	if o.json {
		return o.printJSON(toClassifierJSON(w))
	}
	mirrored := ""
	if o.flip {
		mirrored = fmt.Sprintf(" and %s of its mirror images", percent(w.MirroredAccuracy))
	}
	fmt.Fprintf(o.out, "%s: reads %s of %s's test split%s right; sha256 %s\n", w.Source, percent(w.Accuracy), name, mirrored, w.SHA256)
	return nil
}

// progress shows how far the training is.
func (o *fitOptions) progress() func(classifier.FitEvent) {
	meter := terminal.NewMeter(o.err, terminal.Steps, 10*time.Second)
	return func(p classifier.FitEvent) {
		meter.Set(float64(p.Step), float64(p.Steps), fmt.Sprintf("epoch %d", p.Epoch), fmt.Sprintf("loss %.4f", p.Loss))
		if p.Step == p.Steps {
			meter.Close()
		}
	}
}
