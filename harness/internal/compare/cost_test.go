package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/store"
)

func TestTheParetoFrontHoldsWhatNothingElseBeats(t *testing.T) {
	f := Frontier{Metric: describe("fd_mnist_cnn"), Points: []FrontierPoint{
		{NFE: 2, Mean: 9}, {NFE: 4, Mean: 5}, {NFE: 4, Mean: 6}, {NFE: 8, Mean: 5}, {NFE: 16, Mean: 4}, {NFE: 1, Mean: Value(math.Inf(1))}}}
	f.mark()
	var front []string
	for _, p := range f.Points {
		if p.Pareto {
			front = append(front, fmt.Sprintf("%d:%g", p.NFE, float64(p.Mean)))
		}
	}
	if got := strings.Join(front, " "); got != "2:9 4:5 16:4" {
		t.Errorf("the front is %s", got)
	}
	f = Frontier{Metric: describe("accuracy"), Points: []FrontierPoint{{NFE: 2, Mean: 0.5}, {NFE: 4, Mean: 0.4}, {NFE: 4, Mean: 0.6}}}
	f.mark()
	if f.Points[1].Pareto || !f.Points[2].Pareto {
		t.Errorf("where higher is better: %+v", f.Points)
	}
}

func TestQualityAgainstEvaluationsOfEverySetting(t *testing.T) {
	st := tempStore(t)
	settings := []store.Drawing{{Sampler: "euler", Steps: 50, Guidance: 2, NFE: 100}, {Sampler: "euler", Steps: 1, Guidance: 2, NFE: 2}, {Sampler: "heun", Steps: 4, Guidance: 2, NFE: 16}}
	r := compared(t, st, Options{}, append(seeds(t, st, 2, sketch{name: "a", accuracy: 0.95, settings: settings}), makeRun(t, st, sketch{name: "b", accuracy: 0.9, config: "x: 1"}))...)
	table := layout{r, same}.frontier()
	var lines []string
	for _, row := range table.Rows {
		lines = append(lines, fmt.Sprint(row[0], " ", row[1], " ", row[4]))
	}
	if want := []string{"a euler 2", "a euler 100", "a heun 16", r.Groups[1].Label + " euler 20"}; !slices.Equal(lines, want) {
		t.Errorf("lines are %q, want %q", lines, want)
	}
	if *r.Settings[0] == *r.Settings[1] {
		t.Errorf("they share no setting, and both are said to be of %v", r.Settings[0])
	}
	warned(t, r, "a difference is one of model and sampler together")
}

func TestCostOfReachingATarget(t *testing.T) {
	st := tempStore(t)
	slow, quick := makeRun(t, st, sketch{name: "slow", steps: 1000, loss: 0.2}), makeRun(t, st, sketch{name: "quick", steps: 500, loss: 0.25, config: "x: 1"})
	r := compared(t, st, Options{}, slow, quick)
	if len(r.Targets) != 1 || r.Targets[0].Metric != ValLoss {
		t.Fatalf("%+v", r.Targets)
	}
	got := r.Targets[0]
	// val/loss is measured every 201 and 101 steps; the quick run's best is its last.
	if got.Groups[1].Steps != 404 || math.Abs(float64(got.Groups[1].Seconds)-4.04) > 1e-6 || got.Groups[0].Steps != 603 {
		t.Errorf("%+v", got)
	}
	asked, err := ParseTarget("val_loss = 0.01")
	must(t, err)
	r = compared(t, st, Options{Targets: []Target{asked}}, slow, quick)
	if got := r.Targets[0].Groups[0]; got.Reached != 0 || got.Runs != 1 || !got.Steps.Missing() {
		t.Errorf("a target that nobody reached: %+v", got)
	}
	for _, bad := range []string{"", "accuracy", "accuracy=high", "fid=3", "val/loss=NaN"} {
		if _, err := ParseTarget(bad); err == nil {
			t.Errorf("%q is a target", bad)
		}
	}
}

func TestCurvesAreAlignedByStepAndByTime(t *testing.T) {
	st := tempStore(t)
	long, short := makeRun(t, st, sketch{name: "long", steps: 1000}), makeRun(t, st, sketch{name: "short", steps: 200, config: "x: 1"})
	r := compared(t, st, Options{}, long, short)
	if n := len(r.BySteps); n != len(alignedParts) || r.BySteps[n-1].Step != 200 {
		t.Fatalf("%+v", r.BySteps)
	}
	for _, a := range slices.Concat(r.BySteps, r.BySeconds) {
		for i, v := range a.Values {
			if v.Missing() {
				t.Errorf("run %d has no loss at %+v", i, a)
			}
		}
	}
	last := r.Curves[0].Loss[len(r.Curves[0].Loss)-1]
	if last.Step != 1000 || math.Abs(float64(last.Seconds)-10) > 1e-6 || !(last.Low <= last.Value && last.Value <= last.High) {
		t.Errorf("%+v", last)
	}
	lines := Sparklines(r.Curves, 20, BySteps, true)
	if len([]rune(lines[0])) != 20 || len([]rune(lines[1])) != 4 {
		t.Errorf("%q", lines)
	}
}

func TestSparklinesShowWhatIsNoNumber(t *testing.T) {
	c := Curve{Loss: []CurvePoint{{Step: 1, Smooth: 3}, {Step: 2, Smooth: 1}, {Step: 3, Smooth: missing}}}
	if got := Sparklines([]Curve{c, {}}, 3, BySteps, true); got[0] != "█▁×" || got[1] != "" {
		t.Errorf("%q", got)
	}
	if got := Sparklines([]Curve{{Loss: []CurvePoint{{Step: 4, Smooth: 2}}}}, 4, BySteps, false); got[0] != "   ▁" {
		t.Errorf("%q", got)
	}
}

func TestSamplersOfOneNameAreToldApart(t *testing.T) {
	st := tempStore(t)
	a := makeRun(t, st, sketch{name: "a"})
	for sampler, config := range map[string]string{"euler": `{"name":"euler"}`, "euler(timestep_input=index)": `{"name":"euler","timestep_input":"index"}`} {
		must(t, st.AddEvaluation(t.Context(), a.ID, store.EvaluationRecord{Drawing: store.Drawing{Sampler: sampler, SamplerJSON: config, Steps: 4, Guidance: 1, NFE: 4}, Dataset: "mnist", Classifier: "c",
			Metrics: []store.Metric{{Name: "accuracy", Value: 0.5}}}))
	}
	r := compared(t, st, Options{}, a, makeRun(t, st, sketch{name: "b", config: "x: 1"}))
	var names []string
	for _, s := range r.Choices[0] {
		names = append(names, s.Sampler)
	}
	if !slices.Equal(names, []string{"euler", "euler(timestep_input=index)"}) {
		t.Errorf("%q", names)
	}
}

func TestPicturesOfTheSameNoiseHaveAStripOfDifferences(t *testing.T) {
	st := tempStore(t)
	a, b := makeRun(t, st, sketch{name: "a"}), makeRun(t, st, sketch{name: "b", seed: 1, config: "x: 1"})
	pictures, err := compared(t, st, Options{}, a, b).Pictures(t.Context(), st)
	must(t, err)
	if len(pictures) != 1 || !pictures[0].SameNoise || pictures[0].Title != "euler, 10 steps, guidance 2" {
		t.Fatalf("%+v", pictures)
	}
	other := makeRun(t, st, sketch{name: "c", config: "x: 2", settings: []store.Drawing{{Sampler: "euler", Steps: 10, Guidance: 2, NFE: 20, Seed: 7}}})
	if pictures, err = compared(t, st, Options{}, a, other).Pictures(t.Context(), st); err != nil || pictures[0].SameNoise {
		t.Errorf("another noise: %+v, %v", pictures, err)
	}
	ddpm := makeRun(t, st, sketch{name: "d", process: "ddpm"})
	if pictures, err = compared(t, st, Options{}, a, ddpm).Pictures(t.Context(), st); err != nil || !strings.Contains(pictures[0].Title, "they share no sampler") {
		t.Errorf("no common sampler: %+v, %v", pictures, err)
	}
}

func TestTheStepRatioIsComparedBetweenMachines(t *testing.T) {
	st := tempStore(t)
	// A step of makeRun takes 10 ms.
	calibrated := func(name, host string, times ...time.Duration) *store.Run {
		run := makeRun(t, st, sketch{name: name, host: host, config: "x: " + name, status: store.StatusRunning})
		w, err := st.OpenWriter(t.Context(), run.ID)
		must(t, err)
		for i, d := range times {
			w.Phase("calibration", 1+99*i, d)
		}
		must(t, w.Finish(t.Context(), store.StatusFinished, ""))
		return run
	}
	r := compared(t, st, Options{}, calibrated("a", "box", 2*time.Millisecond, 3*time.Millisecond), calibrated("b", "other", time.Millisecond),
		makeRun(t, st, sketch{name: "c", config: "x: c"}))
	row := rowOf(t, r, StepRatio)
	if a, b := float64(row.Groups[0].Mean), float64(row.Groups[1].Mean); math.Abs(a-4) > 1e-9 || math.Abs(b-10) > 1e-9 || !row.Groups[2].Mean.Missing() {
		t.Errorf("the ratios are %v, %v and %v, want 4, 10 and none", a, b, row.Groups[2].Mean)
	}
	if v := row.Comparisons[0].Verdict; v != TooFewSeeds {
		t.Errorf("between machines the verdict is %q", v)
	}
	if v := rowOf(t, r, StepsPerSecond).Comparisons[0].Verdict; v != NotComparable {
		t.Errorf("of the steps per second it is %q", v)
	}
	if r.Timed(StepRatio) {
		t.Error("it counts as a time")
	}
}
