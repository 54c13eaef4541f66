package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/yamlfile"
	"flowharness/models"
)

// lateLosses is how many of the last losses are averaged: the noise of a single
// one is larger than most differences.
const lateLosses = 100

// Series and phases that are compared.
var (
	stepTimes        = record.PhaseSeries(record.PhaseStep)
	calibrationTimes = record.PhaseSeries(record.PhaseCalibration)
)

// valPrefix begins the names of what is measured on the test split.
const valPrefix = "val/"

// Data is what runs are compared by.
type Data struct {
	Records    []Record
	References []store.Reference // of the datasets and classifiers that the records were measured with
}

// Read reads what a comparison needs of runs. It reads no series point by point,
// so that a hundred long runs take a second or two.
func Read(ctx context.Context, st *store.Store, runs []*store.Run) (Data, error) {
	records := make([]Record, len(runs))
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, run := range runs {
		g.Go(func() error {
			var err error
			records[i], err = ReadRecord(ctx2, st, run)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Data{}, err
	}
	return WithReferences(ctx, st, records)
}

// ReadRecord reads what a comparison needs of one run.
func ReadRecord(ctx context.Context, st *store.Store, run *store.Run) (Record, error) {
	r, err := readRecord(ctx, st, run)
	if err != nil {
		return r, fmt.Errorf("run %s: %w", run.Slug, err)
	}
	return r, nil
}

// WithReferences adds what the metrics of records say of real images and noise.
func WithReferences(ctx context.Context, st *store.Store, records []Record) (Data, error) {
	d := Data{Records: records}
	type key struct{ dataset, classifier string }
	seen := map[key]bool{}
	for _, r := range d.Records {
		for _, e := range r.Evaluations {
			k := key{e.Dataset, e.Classifier}
			if seen[k] {
				continue
			}
			seen[k] = true
			references, err := st.References(ctx, e.Dataset, e.Classifier)
			if err != nil {
				return Data{}, err
			}
			d.References = append(d.References, references...)
		}
	}
	return d, nil
}

func readRecord(ctx context.Context, st *store.Store, run *store.Run) (Record, error) {
	r := Record{Process: run.Process, Dataset: run.Dataset, Scalars: map[string]Value{}, Run: Run{
		ID: run.ID, Slug: run.Slug, Name: run.Name, Tags: run.Tags, Notes: run.Notes, Status: run.Status,
		ConfigHash: run.ConfigHash, Seed: run.Seed,
		Steps: run.LastStep, TotalSteps: run.TotalSteps, PeakMemory: run.PeakMemoryBytes,
		LastLoss: missing, LateLoss: missing, BestLoss: missing, StepTime: missing, TrainTime: missing}}
	var err error
	if r.Config, err = flattenConfig(run.ResolvedYAML); err != nil {
		return r, fmt.Errorf("its recorded config: %w", err)
	}
	if _, given := r.Config["model.name"]; !given {
		r.Config["model.name"] = strconv.Quote(models.Default()) // which configs leave out
	}
	if r.Environment, err = flattenJSON(run.Environment); err != nil {
		return r, fmt.Errorf("its recorded environment: %w", err)
	}
	// Neither a diff nor where things lie on a machine is compared; the plugin's
	// version is.
	for _, path := range []string{"git.diff", "backend.plugin", "backend.tried"} {
		delete(r.Environment, path)
	}
	for _, step := range []func(context.Context, *store.Store, *store.Run) error{r.readSeries, r.readEvaluations, r.readCurve} {
		if err := step(ctx, st, run); err != nil {
			return r, err
		}
	}
	r.samples, err = st.Samples(ctx, run.ID)
	r.samples = slices.DeleteFunc(r.samples, func(s store.Sample) bool { return s.WeightsFile != "" }) // not what the run has learned
	return r, err
}

// readSeries fills in the scalars that come from series.
func (r *Record) readSeries(ctx context.Context, st *store.Store, run *store.Run) error {
	summaries, err := st.Summaries(ctx, run.ID)
	if err != nil {
		return err
	}
	calibration := math.NaN()
	for _, s := range summaries {
		switch {
		case s.Name == calibrationTimes:
			// Of few measurements, each a median, the mean: at both ends of a run.
			calibration = s.Sum / float64(s.Count)
		case s.Name == TrainLoss:
			r.LastLoss, r.BestLoss = Value(s.Last), Value(s.Min)
			late, err := st.Tail(ctx, run.ID, TrainLoss, lateLosses)
			if err != nil {
				return err
			}
			r.LateLoss = mean(late)
			r.Scalars[TrainLoss] = r.LateLoss
		case len(s.Name) > len(valPrefix) && s.Name[:len(valPrefix)] == valPrefix:
			r.Scalars[s.Name] = Value(s.Last)
		case s.Name == stepTimes:
			median, err := st.Median(ctx, run.ID, stepTimes)
			if err != nil {
				return err
			}
			r.StepTime, r.TrainTime = Value(median), Value(s.Sum)
			r.Scalars[StepSeconds], r.Scalars[TrainSeconds] = r.StepTime, r.TrainTime
			if median > 0 {
				r.Scalars[StepsPerSecond] = Value(1 / median)
			}
		}
	}
	if ratio := float64(r.StepTime) / calibration; !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
		r.Scalars[StepRatio] = Value(ratio)
	}
	if r.PeakMemory > 0 {
		r.Scalars[PeakMemory] = Value(r.PeakMemory)
	}
	return nil
}

// mean is NaN if one of the values is.
func mean(points []store.Point) Value {
	if len(points) == 0 {
		return missing
	}
	var sum float64
	for _, p := range points {
		sum += p.Value
	}
	return Value(sum / float64(len(points)))
}

// readEvaluations keeps of each setting the latest evaluation, and of the
// earlier ones what they reached when.
func (r *Record) readEvaluations(ctx context.Context, st *store.Store, run *store.Run) error {
	list, err := st.Evaluations(ctx, run.ID)
	if err != nil {
		return err
	}
	type key struct {
		config   string
		steps    int
		guidance float64
	}
	at := map[key]int{}
	for _, s := range list {
		if s.WeightsFile != "" {
			continue // not what the run has learned
		}
		e := Evaluation{Drawing: s.Drawing, SecondsPerImage: perImage(s.Drawing), Dataset: s.Dataset, Classifier: s.Classifier,
			Metrics: map[string]Value{}, StdErr: map[string]Value{}, Correct: s.Correct}
		for _, m := range s.Metrics {
			e.Metrics[m.Name] = Value(m.Value)
			if !math.IsNaN(m.StdErr) {
				e.StdErr[m.Name] = Value(m.StdErr)
			}
		}
		if v, ok := e.Metrics["accuracy"]; ok {
			r.reached = append(r.reached, Milestone{"accuracy", s.Drawing, v})
		}
		k := key{s.Sampler + s.SamplerJSON, s.Steps, s.Guidance}
		if i, ok := at[k]; ok {
			r.Evaluations[i] = e
			continue
		}
		at[k] = len(r.Evaluations)
		r.Evaluations = append(r.Evaluations, e)
	}
	return nil
}

func perImage(d record.Drawing) Value {
	if d.Images == 0 {
		return missing
	}
	return Value(d.Seconds / float64(d.Images))
}

// flattenConfig turns a resolved config into values by path; lists are one value.
func flattenConfig(resolved string) (map[string]string, error) {
	root, err := yamlfile.Mapping(resolved)
	if err != nil {
		return nil, err
	}
	flat := map[string]string{}
	for _, leaf := range yamlfile.Leaves(root, yamlfile.IsScalarOrList) {
		var value any
		if err := leaf.Node.Decode(&value); err != nil {
			return nil, err
		}
		flat[leaf.Path] = jsonText(value)
	}
	return flat, nil
}

func flattenJSON(document []byte) (map[string]string, error) {
	if len(document) == 0 || string(document) == "null" {
		return map[string]string{}, nil
	}
	var root map[string]any
	if err := json.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	flat := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok {
			for key, child := range m {
				name := key
				if path != "" {
					name = path + "." + key
				}
				walk(name, child)
			}
			return
		}
		flat[path] = jsonText(v)
	}
	walk("", root)
	return flat, nil
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
