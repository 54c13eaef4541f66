package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"
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

func TestCostOfReachingATarget(t *testing.T) {
	st := tempStore(t)
	slow, quick := makeRun(t, st, sketch{Name: "slow", Steps: 1000, Loss: 0.2}), makeRun(t, st,
		sketch{Name: "quick", Steps: 500, Loss: 0.25, Config: "x: 1"})
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
	long, short := makeRun(t, st, sketch{Name: "long", Steps: 1000}), makeRun(t, st, sketch{Name: "short", Steps: 200, Config: "x: 1"})
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
}

func TestSamplersOfOneNameAreToldApart(t *testing.T) {
	st := tempStore(t)
	a := makeRun(t, st, sketch{Name: "a"})
	for sampler, config := range map[string]string{"euler": `{"name":"euler"}`,
		"euler(timestep_input=index)": `{"name":"euler","timestep_input":"index"}`} {
		must(t, st.AddEvaluation(t.Context(), a.ID, store.EvaluationRecord{Drawing: record.Drawing{Sampler: sampler, SamplerJSON: config,
			Steps: 4, Guidance: 1, NFE: 4}, Dataset: "mnist", Classifier: "c",
			Metrics: []store.Metric{{Name: "accuracy", Value: 0.5}}}))
	}
	r := compared(t, st, Options{}, a, makeRun(t, st, sketch{Name: "b", Config: "x: 1"}))
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
	a, b := makeRun(t, st, sketch{Name: "a"}), makeRun(t, st, sketch{Name: "b", Seed: 1, Config: "x: 1"})
	pictures, err := compared(t, st, Options{}, a, b).Pictures(t.Context(), st)
	must(t, err)
	if len(pictures) != 1 || !pictures[0].SameNoise || pictures[0].Title != "euler, 10 steps, guidance 2" {
		t.Fatalf("%+v", pictures)
	}
	other := makeRun(t, st, sketch{Name: "c", Config: "x: 2",
		Settings: []record.Drawing{{Sampler: "euler", Steps: 10, Guidance: 2, NFE: 20, Seed: 7}}})
	if pictures, err = compared(t, st, Options{}, a, other).Pictures(t.Context(), st); err != nil || pictures[0].SameNoise {
		t.Errorf("another noise: %+v, %v", pictures, err)
	}
	ddpm := makeRun(t, st, sketch{Name: "d", Process: "ddpm"})
	if pictures, err = compared(t, st, Options{}, a, ddpm).Pictures(t.Context(), st); err != nil ||
		!strings.Contains(pictures[0].Title, "they share no sampler") {
		t.Errorf("no common sampler: %+v, %v", pictures, err)
	}
}

func TestTheStepRatioIsComparedBetweenMachines(t *testing.T) {
	st := tempStore(t)
	// A step of makeRun takes 10 ms.
	calibrated := func(name, host string, times ...time.Duration) *store.Run {
		run := makeRun(t, st, sketch{Name: name, Host: host, Config: "x: " + name, Status: record.StatusRunning})
		w, err := st.OpenWriter(t.Context(), run.ID)
		must(t, err)
		for i, d := range times {
			w.Phase("calibration", 1+99*i, d)
		}
		must(t, w.Finish(t.Context(), record.StatusFinished, ""))
		return run
	}
	r := compared(t, st, Options{}, calibrated("a", "box", 2*time.Millisecond, 3*time.Millisecond), calibrated("b", "other", time.Millisecond),
		makeRun(t, st, sketch{Name: "c", Config: "x: c"}))
	row := rowOf(t, r, StepRatio)
	if a, b := float64(row.Groups[0].Mean), float64(row.Groups[1].Mean); math.Abs(a-4) > 1e-9 || math.Abs(b-10) > 1e-9 ||
		!row.Groups[2].Mean.Missing() {
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
