package points

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryDoubleReadsBackToTheBit(t *testing.T) {
	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 3, 1 << 53, -(1 << 60), 0.1, 1.0 / 3, math.Pi, 1e-3,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 2.2250738585072011e-308, math.MaxFloat64, -math.MaxFloat64,
		math.Inf(1), math.Inf(-1), math.NaN(), float64(math.MaxInt64), float64(math.MinInt64), math.Nextafter(1, 2), float64(float32(0.1)),
	}
	bits := uint64(0x9e3779b97f4a7c15)
	for len(values) < 1000 {
		bits ^= bits << 13
		bits ^= bits >> 7
		bits ^= bits << 17
		if v := math.Float64frombits(bits); !math.IsNaN(v) { // one NaN is like another
			values = append(values, v)
		}
	}
	f := openTemp(t)
	run := f.put("train/loss", values)
	points := f.points(run, "train/loss", Options{})
	if len(points) != len(values) {
		t.Fatalf("%d points, want %d", len(points), len(values))
	}
	for i, p := range points {
		if math.Float64bits(p.Value) != math.Float64bits(values[i]) || p.Step != i+1 {
			t.Errorf("%v at step %d reads as %v at step %d", values[i], i+1, p.Value, p.Step)
		}
	}
}

func TestSummariesDescribeTheSeries(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name   string
		values []float64
		want   Summary
	}{
		{"one point", []float64{0.5}, Summary{Count: 1, LastStep: 1, Last: 0.5, Min: 0.5, Max: 0.5, Sum: 0.5}},
		{"several", []float64{2, 0.5, 1}, Summary{Count: 3, LastStep: 3, Last: 1, Min: 0.5, Max: 2, Sum: 3.5}},
		{"NaN does not hide the rest", []float64{nan, 2, nan, 1, nan}, Summary{Count: 5, LastStep: 5, Last: nan, Min: 1, Max: 2, Sum: 3}},
		{"only NaN", []float64{nan, nan}, Summary{Count: 2, LastStep: 2, Last: nan, Min: nan, Max: nan, Sum: nan}},
		{"infinity", []float64{1, inf}, Summary{Count: 2, LastStep: 2, Last: inf, Min: 1, Max: inf, Sum: inf}},
		{"infinities that cancel", []float64{inf, -inf}, Summary{Count: 2, LastStep: 2, Last: -inf, Min: -inf, Max: inf, Sum: nan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := openTemp(t)
			run := f.put("a series", c.values)
			c.want.Name = "a series"
			got := get(Summaries(t.Context(), f.Reading(), run))(t)
			if diff := cmp.Diff([]Summary{c.want}, got, equateNaN); diff != "" {
				t.Errorf("(-want +got) %s", diff)
			}

			// What SQLite computes from the points is the same.
			c.want.Name = ""
			m := read(f, func(ctx context.Context, tx *sql.Tx) (Summary, error) { return summarize(ctx, tx, 1) })
			if diff := cmp.Diff(c.want, m, equateNaN); diff != "" {
				t.Errorf("from the points: (-want +got) %s", diff)
			}
		})
	}
}

var equateNaN = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })

func TestAThinnedSeriesKeepsWhatAPlotMustShow(t *testing.T) {
	const n = 30_000
	values := make([]float64, n)
	for i := range values {
		values[i] = math.Sin(float64(i) / 1000)
	}
	values[12_345] = 100 // spikes of a single step
	values[23_456] = -100
	values[20_000] = math.NaN()
	f := openTemp(t)
	run := f.put("train/loss", values)
	for _, limit := range []int{1, 4, 100, 999, n - 1} {
		points := f.points(run, "train/loss", Options{MaxPoints: limit})
		if len(points) > max(limit, minThinned)+1 { // and the NaN
			t.Errorf("%d points, want at most %d", len(points), limit)
		}
		if limit >= 100 && len(points) < limit/2 {
			t.Errorf("only %d points of %d wanted", len(points), limit)
		}
		if !slices.IsSortedFunc(points, func(a, b Point) int { return a.Step - b.Step }) {
			t.Error("the steps do not rise")
		}
		for _, i := range []int{0, 12_345, 20_000, 23_456, n - 1} {
			if !slices.ContainsFunc(points, func(p Point) bool { return cmp.Equal(p, Point{i + 1, values[i]}, equateNaN) }) {
				t.Errorf("with %d points, step %d is missing", limit, i+1)
			}
		}
	}
	all := f.points(run, "train/loss", Options{MaxPoints: n})
	if len(all) != n {
		t.Errorf("a series that fits was thinned to %d points", len(all))
	}
}

func TestAPartOfASeriesIsReadAndThinned(t *testing.T) {
	const n = 50_000
	values := make([]float64, n)
	for i := range values {
		values[i] = math.Sin(float64(i) / 1000)
	}
	for _, i := range []int{9_999, 30_001} { // just outside
		values[i-1] = 1000
	}
	values[10_000-1], values[30_000-1] = math.NaN(), -100 // the ends
	values[10_007-1], values[29_990-1] = 50, 60           // before the first and after the last whole block
	values[20_000-1] = 70
	f := openTemp(t)
	run := f.put("train/loss", values)
	for _, limit := range []int{4, 50, 100, 400, 2000, 19_999} {
		points := f.points(run, "train/loss", Options{MaxPoints: limit, From: 10_000, To: 30_000})
		if len(points) > limit+1 || len(points) < limit/2 && limit > 4 {
			t.Errorf("%d points, want about %d", len(points), limit)
		}
		if !slices.IsSortedFunc(points, func(a, b Point) int { return a.Step - b.Step }) ||
			points[0].Step != 10_000 || points[len(points)-1].Step != 30_000 {
			t.Errorf("with %d points, the steps are %d to %d", limit, points[0].Step, points[len(points)-1].Step)
		}
		if limit < 50 {
			continue
		}
		for _, step := range []int{10_007, 29_990, 20_000} {
			if step != 20_000 && limit == 50 { // of one stretch only the largest is kept
				continue
			}
			if !slices.Contains(points, Point{step, values[step-1]}) {
				t.Errorf("with %d points, step %d is missing", limit, step)
			}
		}
	}
	for _, c := range []struct {
		name string
		o    Options
		want []int // first and last step, and how many
	}{
		{"all points of a part", Options{From: 10, To: 19}, []int{10, 19, 10}},
		{"a part with no more than fit", Options{From: 101, To: 1000, MaxPoints: 900}, []int{101, 1000, 900}},
		{"within a block", Options{From: 70, To: 75, MaxPoints: 100}, []int{70, 75, 6}},
		{"from the beginning", Options{To: 3}, []int{1, 3, 3}},
		{"to the end", Options{From: n - 1, MaxPoints: 4}, []int{n - 1, n, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			points := f.points(run, "train/loss", c.o)
			if got := []int{points[0].Step, points[len(points)-1].Step, len(points)}; !slices.Equal(got, c.want) {
				t.Errorf("first, last and number of points are %v, want %v", got, c.want)
			}
		})
	}
	for _, o := range []Options{{From: n + 1}, {From: n + 1, MaxPoints: 10}, {From: 20, To: 10, MaxPoints: 10}} {
		if points := f.points(run, "train/loss", o); len(points) != 0 {
			t.Errorf("%+v gives %d points", o, len(points))
		}
	}
}

func TestASeriesWithGapsIsThinned(t *testing.T) {
	f := openTemp(t)
	run := f.newRun()
	w := f.openWriter(run)
	for i := range 100 {
		w.point("a", i, 1)
		w.point("a", 1_000_000_000+i, 2)
	}
	f.finish(w, run)
	points := f.points(run, "a", Options{MaxPoints: 50})
	if len(points) < 3 || len(points) > 50 || points[0].Step != 0 || points[len(points)-1].Step != 1_000_000_099 {
		t.Errorf("points %v", points)
	}
}

func TestAnUnknownSeriesIsEmpty(t *testing.T) {
	f := openTemp(t)
	run := f.newRun()
	if points := f.points(run, "nope", Options{}); len(points) != 0 {
		t.Errorf("%d points", len(points))
	}
}
