package runpage

import (
	"math"
	"testing"
	"time"

	"flowharness/harness/internal/store"
)

// TestTheStripShowsTrainingAndNothingElseAsTraining: ten steps of a second each, five seconds of measuring after the fifth,
// and ten seconds at the end that nothing is known of.
func TestTheStripShowsTrainingAndNothingElseAsTraining(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	times := store.StepTimes{{Step: 1, At: at(3)}, {Step: 5, At: at(7)}, {Step: 6, At: at(13)}, {Step: 10, At: at(17)}}
	strip := stripOf{times: times, begin: begin, scale: barWidth / 27.0, after: map[int]float64{}}
	evaluation := phaseRow{Phase: store.Phase{Name: "evaluation"}, Series: 3}
	compile := phaseRow{Phase: store.Phase{Name: "compile"}, Series: 1}
	strip.addPhase(compile, store.Point{Step: 1, Value: 2}, true)
	strip.addPhase(evaluation, store.Point{Step: 5, Value: 5}, false)
	strip.addPhase(compile, store.Point{Step: 10, Value: 1}, false)
	var steps []store.Bin
	for step := 2; step <= 10; step++ {
		steps = append(steps, store.Bin{First: step, Last: step, Count: 1, Sum: 1})
	}
	parts := append(strip.training(steps, nil, 0), strip.parts...)
	type stretch struct {
		phase    string
		from, to float64 // seconds
	}
	want := []stretch{{"step", 3, 7}, {"step", 7, 17}, {"compile", 1, 3}, {"evaluation", 7, 12}, {"compile", 17, 18}}
	if len(parts) == len(want)-1 { // training is drawn under what was done in between
		want = append([]stretch{{"step", 3, 17}}, want[2:]...)
	}
	if len(parts) != len(want) {
		t.Fatalf("%d parts: %+v", len(parts), parts)
	}
	for i, p := range parts {
		from, to := p.X*27/barWidth, (p.X+p.Width)*27/barWidth
		if p.Phase != want[i].phase || math.Abs(from-want[i].from) > 0.05 || math.Abs(to-want[i].to) > 0.05 {
			t.Errorf("part %d is %s from %.2f to %.2f, want %+v", i, p.Phase, from, to, want[i])
		}
	}
}

func TestSlowWorkBetweenStepsIsNotTraining(t *testing.T) {
	begin := time.Unix(1000, 0)
	times := store.StepTimes{{Step: 1, At: begin.Add(time.Second)}, {Step: 2, At: begin.Add(11 * time.Second)}}
	strip := stripOf{times: times, begin: begin, scale: barWidth / 11.0, after: map[int]float64{}}
	parts := strip.training([]store.Bin{{First: 2, Last: 2, Count: 1, Sum: 1}}, []store.Bin{{First: 2, Last: 2, Count: 1, Sum: 0.5}}, 0)
	if len(parts) != 1 || math.Abs(parts[0].Width-barWidth*1.5/11) > 1 || math.Abs(parts[0].X+parts[0].Width-barWidth) > 1 {
		t.Errorf("a step of a second that waited half of one, and ended after ten, is drawn as %+v", parts)
	}
}

func TestASmoothedValueIsThatOfTheWholeSeries(t *testing.T) {
	steps, values := []int{10, 20, 30}, []float64{1, 3, 2}
	got := resampled(steps, values, []int{5, 10, 15, 20, 28, 30, 40})
	for i, want := range []float64{1, 1, 2, 3, 2.2, 2, 2} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("value %d is %v, want %v", i, got[i], want)
		}
	}
	if len(resampled(nil, nil, nil)) != 0 {
		t.Error("nothing is not nothing")
	}
}
