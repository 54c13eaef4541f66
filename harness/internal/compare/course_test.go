package compare

import (
	"math"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

func TestACourseIsTheMeanOverTheRunsThatCameSoFar(t *testing.T) {
	short := Curve{Loss: []CurvePoint{{Step: 10, Seconds: 1, Smooth: 4}, {Step: 20, Seconds: 2, Smooth: 2}}}
	long := Curve{Loss: []CurvePoint{{Step: 10, Seconds: 2, Smooth: 8}, {Step: 15, Seconds: 3, Smooth: 6},
		{Step: 30, Seconds: 6, Smooth: Value(math.NaN())}}}
	got := course(Group{Counted: []int{0, 1}}, []Curve{short, long}, []Axis{BySteps, BySeconds})
	same := func(a, b Value) bool { return a == b || a.Missing() && b.Missing() }
	check := func(name string, points, want []CoursePoint) {
		if len(points) != len(want) {
			t.Fatalf("%s: %+v, want %+v", name, points, want)
		}
		for i, p := range points {
			if w := want[i]; p.At != w.At || p.Runs != w.Runs || !same(p.Mean, w.Mean) || !same(p.Low, w.Low) || !same(p.High, w.High) {
				t.Errorf("%s, point %d: %+v, want %+v", name, i, p, w)
			}
		}
	}
	check("by step", got.Loss.BySteps, []CoursePoint{{10, 2, 6, 4, 8}, {15, 2, 4.5, 3, 6}, {30, 0, missing, missing, missing}})
	check("by time", got.Loss.BySeconds, []CoursePoint{{2, 2, 5, 2, 8}, {3, 1, 6, 6, 6}, {6, 0, missing, missing, missing}})
	check("of nothing", got.Val.BySteps, nil)
}

func TestGridsGoAlongTheTraining(t *testing.T) {
	st := tempStore(t)
	a, b := makeRun(t, st, sketch{Name: "a", Steps: 10}), makeRun(t, st, sketch{Name: "b", Steps: 30, Config: "x: 1"})
	must(t, st.AddSample(t.Context(), b.ID, store.SampleRecord{Drawing: record.Drawing{Sampler: "euler", SamplerJSON: "{}", Steps: 10,
		Guidance: 2, NFE: 20, Images: 200, Step: 5, Seed: 3}, PNG: gridOf(t, 9)}))
	must(t, st.AddSample(t.Context(), b.ID, store.SampleRecord{Drawing: record.Drawing{Sampler: "aaa", SamplerJSON: "{}", Steps: 1,
		Guidance: 2, NFE: 2, Images: 200, Step: 5}, PNG: gridOf(t, 9)}))
	got := compared(t, st, Options{}, a, b).Grids()
	if len(got) != 2 || got[0].Sampler != "euler" || got[1].Sampler != "aaa" {
		t.Fatalf("%+v", got)
	}
	frames := got[0].Frames
	if len(frames) != 3 || frames[0].Step != 5 || frames[1].Step != 10 || frames[2].Step != 30 {
		t.Fatalf("%+v", frames)
	}
	if c := frames[0].Cells; c[0].Images != 0 || c[1].Step != 5 {
		t.Errorf("at step 5: %+v", c)
	}
	if c := frames[1].Cells; c[0].Step != 10 || c[1].Step != 5 || c[1].SameNoise(c[0]) {
		t.Errorf("at step 10: %+v", frames[1])
	}
	if c := frames[2].Cells; c[0].Step != 10 || c[1].Step != 30 || !c[1].SameNoise(c[0]) {
		t.Errorf("at step 30: %+v", frames[2])
	}
	ddpm := makeRun(t, st, sketch{Name: "c", Process: "ddpm", Steps: 10})
	mixed := compared(t, st, Options{}, a, ddpm).Grids()
	if len(mixed) != 3 || mixed[0].Sampler != "" || mixed[0].Frames[0].Cells[0].Images == 0 || mixed[0].Frames[0].Cells[1].Images == 0 {
		t.Errorf("runs without a common sampler: %+v", mixed)
	}
}
