package points

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// oneToN puts a loss of 1, 2, …, n at the steps 1, 2, …, n, NaN at every seventh.
func oneToN(f *file, n int) (runID string) {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i + 1)
		if (i+1)%7 == 0 {
			values[i] = math.NaN()
		}
	}
	return f.put("train/loss", values)
}

func TestBinsSumUpStretchesOfSteps(t *testing.T) {
	f := openTemp(t)
	run := oneToN(f, 10)
	want := []Bin{
		{First: 1, Last: 4, Count: 4, Mean: 2.5, Min: 1, Max: 4, Sum: 10},
		{First: 5, Last: 8, Count: 4, Mean: 19. / 3, Min: 5, Max: 8, Sum: 19, HasNaN: true},
		{First: 9, Last: 10, Count: 2, Mean: 9.5, Min: 9, Max: 10, Sum: 19},
	}
	if diff := cmp.Diff(want, f.bins(run, "train/loss", 3), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if bins := f.bins(run, "train/loss", 1000); len(bins) != 10 || !math.IsNaN(bins[6].Mean) {
		t.Errorf("a bin for each point: %v", bins)
	}
	if bins := f.bins(run, "none", 10); len(bins) != 0 {
		t.Errorf("a series that is not there has %v", bins)
	}
}

func TestBinsWithinAreOfThePointsBetweenTwoSteps(t *testing.T) {
	f := openTemp(t)
	run := oneToN(f, 200)
	want := []Bin{
		{First: 65, Last: 69, Count: 5, Mean: 67, Min: 65, Max: 69, Sum: 335},
		{First: 70, Last: 74, Count: 5, Mean: 72.5, Min: 71, Max: 74, Sum: 290, HasNaN: true},
	}
	if diff := cmp.Diff(want, f.binsWithin(run, "train/loss", 65, 74, 2), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	points := f.points(run, "train/loss", Options{From: 60, To: 69})
	bins := f.binsWithin(run, "train/loss", 60, 69, 10)
	if len(bins) != len(points) {
		t.Fatalf("%d bins of %d points", len(bins), len(points))
	}
	for i, b := range bins {
		if b.First != points[i].Step || b.Mean != points[i].Value && !math.IsNaN(points[i].Value) {
			t.Errorf("bin %+v of point %+v", b, points[i])
		}
	}
	for name, bins := range map[string][]Bin{
		"after the last step": f.binsWithin(run, "train/loss", 201, 300, 5),
		"backwards":           f.binsWithin(run, "train/loss", 70, 60, 5),
		"of no series":        f.binsWithin(run, "none", 1, 100, 5),
	} {
		if len(bins) != 0 {
			t.Errorf("%s: %v", name, bins)
		}
	}
}

func TestTheEndAndTheMedianOfASeries(t *testing.T) {
	f := openTemp(t)
	run := oneToN(f, 6)
	if diff := cmp.Diff([]Point{{5, 5}, {6, 6}}, f.before(run, "train/loss", math.MaxInt64, 2)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if got := f.before(run, "train/loss", math.MaxInt64, 100); len(got) != 6 {
		t.Errorf("more than there is gives %v", got)
	}
	if got := f.median(run, "train/loss"); got != 3 {
		t.Errorf("the median is %v", got)
	}
	if got := f.median(run, "none"); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

// TestBinsOfBlocksAreThoseOfThePoints compares with sums of the points one by one.
func TestBinsOfBlocksAreThoseOfThePoints(t *testing.T) {
	f := openTemp(t)
	run, w := f.recordMany(5003)
	f.finish(w, run)
	for _, name := range []string{"train/loss", "train/lr", "val/loss", "time/step"} {
		points := f.points(run, name, Options{})
		first, last := points[0].Step, points[len(points)-1].Step
		for _, limit := range []int{1, 3, 7, 50, 200, 10_000} {
			width := (last-first)/limit + 1
			var want []Bin
			var numbers int
			for i, p := range points {
				if i == 0 || (p.Step-first)/width != (points[i-1].Step-first)/width {
					want = append(want, Bin{First: p.Step, Min: math.NaN(), Max: math.NaN(), Sum: math.NaN(), Mean: math.NaN()})
					numbers = 0
				}
				b := &want[len(want)-1]
				b.Last = p.Step
				b.Count++
				switch {
				case math.IsNaN(p.Value):
					b.HasNaN = true
					continue
				case numbers == 0:
					b.Min, b.Max, b.Sum = p.Value, p.Value, p.Value
				default:
					b.Min, b.Max, b.Sum = min(b.Min, p.Value), max(b.Max, p.Value), b.Sum+p.Value
				}
				numbers++
				b.Mean = b.Sum / float64(numbers)
			}
			got := f.bins(run, name, limit)
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 1e-12), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s in %d: (-want +got) %s", name, limit, diff)
			}
		}
	}
}
