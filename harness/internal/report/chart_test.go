package report

import (
	"math"
	"slices"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

func TestFiguresDrawMeansOrRuns(t *testing.T) {
	st := tempStore(t)
	runs := append(seeds(t, st, 3, sketch{Name: "a"}), makeRun(t, st, sketch{Name: "b", Config: "x: 1"}))
	r := compared(t, st, compare.Options{}, runs...)
	lines := func(o ChartOptions) int {
		o.Clean = same
		for _, f := range Figures(r, o) {
			if f.ID == "loss-step" {
				return len(f.Chart.Lines)
			}
		}
		return 0
	}
	for name, c := range map[string]struct {
		o    ChartOptions
		want int
	}{"the runs": {ChartOptions{Runs: true}, 4}, "means of groups": {ChartOptions{Means: true},
		2}, "both": {ChartOptions{Means: true, Runs: true}, 5}} {
		if got := lines(c.o); got != c.want {
			t.Errorf("%s: %d lines, want %d", name, got, c.want)
		}
	}
}

func TestWhatIsRankedIsDecidedForEachGroup(t *testing.T) {
	st := tempStore(t)
	var runs []*store.Run
	for _, k := range []sketch{{Name: "fm"}, {Name: "fm2", Config: "x: 1"}, {Name: "ddpm", Process: "ddpm"}} {
		runs = append(runs, seeds(t, st, 4, k)...)
	}
	r := compared(t, st, compare.Options{}, runs...)
	row := rowOf(t, r, compare.TrainLoss)
	if row.Comparisons[0].Verdict == compare.NotComparable || row.Comparisons[1].Verdict != compare.NotComparable {
		t.Errorf("%q and %q", Sentence(row, row.Comparisons[0]), Sentence(row, row.Comparisons[1]))
	}
	var titles []string
	for _, f := range Figures(r, ChartOptions{Clean: same, Runs: true}) {
		titles = append(titles, f.Chart.Title)
	}
	if !slices.Contains(titles, "Training loss of fm and 1 more by step") || !slices.Contains(titles, "Training loss of ddpm by time") {
		t.Errorf("charts are %q", titles)
	}
}

func TestSparklinesShowWhatIsNoNumber(t *testing.T) {
	c := compare.Curve{Loss: []compare.CurvePoint{{Step: 1, Smooth: 3}, {Step: 2, Smooth: 1}, {Step: 3, Smooth: compare.Value(math.NaN())}}}
	if got := Sparklines([]compare.Curve{c, {}}, 3, compare.BySteps, true); got[0] != "█▁×" || got[1] != "" {
		t.Errorf("%q", got)
	}
	if got := Sparklines([]compare.Curve{{Loss: []compare.CurvePoint{{Step: 4, Smooth: 2}}}}, 4, compare.BySteps, false); got[0] != "   ▁" {
		t.Errorf("%q", got)
	}
}

func TestSparklinesOfLongerRunsReachFurther(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "long", Steps: 1000, Config: "train: {batch_size: 8}"}),
		makeRun(t, st, sketch{Name: "short", Steps: 200, Config: "train: {batch_size: 40}"}))
	for axis, want := range map[compare.Axis][2]int{compare.BySteps: {20, 4}, compare.ByImages: {20, 20}} {
		lines := Sparklines(r.Curves, 20, axis, true)
		if got := [2]int{len([]rune(lines[0])), len([]rune(lines[1]))}; got != want {
			t.Errorf("by %s they are %v long, want %v: %q", axis, got, want, lines)
		}
	}
}

func TestAMeanEndsWhereItsFirstRunEnds(t *testing.T) {
	c := compare.Course{Loss: compare.Together{BySteps: []compare.CoursePoint{
		{At: 10, Runs: 1, Mean: 5}, {At: 20, Runs: 2, Mean: 4}, {At: 30, Runs: 2, Mean: 3}, {At: 40, Runs: 1, Mean: 9}, {At: 50, Runs: 1,
			Mean: 8},
	}}}
	line := courseLine(c, compare.BySteps, false, "a", 0)
	if n := len(line.Points); n != 3 || line.Points[n-1].X != 30 || len(line.Band) != n {
		t.Errorf("the mean of two runs is drawn as %+v", line.Points)
	}
}
