package store

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
)

// put records the values of a series at steps 1, 2, … and ends the run.
func put(t testing.TB, s *Store, name string, values []float64) *Run {
	t.Helper()
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for i, v := range values {
		w.Point(name, i+1, v)
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	return run
}

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
	s := openTemp(t)
	run := put(t, s, "train/loss", values)
	points := get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{}))(t)
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
		want   SeriesSummary
	}{
		{"one point", []float64{0.5}, SeriesSummary{Count: 1, LastStep: 1, Last: 0.5, Min: 0.5, Max: 0.5, Sum: 0.5}},
		{"several", []float64{2, 0.5, 1}, SeriesSummary{Count: 3, LastStep: 3, Last: 1, Min: 0.5, Max: 2, Sum: 3.5}},
		{"NaN does not hide the rest", []float64{nan, 2, nan, 1, nan}, SeriesSummary{Count: 5, LastStep: 5, Last: nan, Min: 1, Max: 2, Sum: 3}},
		{"only NaN", []float64{nan, nan}, SeriesSummary{Count: 2, LastStep: 2, Last: nan, Min: nan, Max: nan, Sum: nan}},
		{"infinity", []float64{1, inf}, SeriesSummary{Count: 2, LastStep: 2, Last: inf, Min: 1, Max: inf, Sum: inf}},
		{"infinities that cancel", []float64{inf, -inf}, SeriesSummary{Count: 2, LastStep: 2, Last: -inf, Min: -inf, Max: inf, Sum: nan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTemp(t)
			run := put(t, s, "a series", c.values)
			c.want.Name = "a series"
			got := get(s.Summaries(t.Context(), run.ID))(t)
			if diff := cmp.Diff([]SeriesSummary{c.want}, got, equateNaN); diff != "" {
				t.Errorf("(-want +got) %s", diff)
			}

			// What SQLite computes from the points is the same.
			tx := get(s.write.Begin())(t)
			defer tx.Rollback()
			m := get(summarize(t.Context(), tx, 1))(t)
			if diff := cmp.Diff(summary{int64(c.want.Count), int64(c.want.LastStep), c.want.Last, c.want.Min, c.want.Max, c.want.Sum}, m,
				equateNaN, cmp.AllowUnexported(summary{})); diff != "" {
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
	s := openTemp(t)
	run := put(t, s, "train/loss", values)
	for _, limit := range []int{1, 4, 100, 999, n - 1} {
		points := get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{MaxPoints: limit}))(t)
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
	all := get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{MaxPoints: n}))(t)
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
	s := openTemp(t)
	run := put(t, s, "train/loss", values)
	for _, limit := range []int{4, 50, 100, 400, 2000, 19_999} {
		points := get(s.Series(t.Context(), run.ID, "train/loss", SeriesOptions{MaxPoints: limit, From: 10_000, To: 30_000}))(t)
		if len(points) > limit+1 || len(points) < limit/2 && limit > 4 {
			t.Errorf("%d points, want about %d", len(points), limit)
		}
		if !slices.IsSortedFunc(points, func(a, b Point) int { return a.Step - b.Step }) || points[0].Step != 10_000 || points[len(points)-1].Step != 30_000 {
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
		o    SeriesOptions
		want []int // first and last step, and how many
	}{
		{"all points of a part", SeriesOptions{From: 10, To: 19}, []int{10, 19, 10}},
		{"a part with no more than fit", SeriesOptions{From: 101, To: 1000, MaxPoints: 900}, []int{101, 1000, 900}},
		{"within a block", SeriesOptions{From: 70, To: 75, MaxPoints: 100}, []int{70, 75, 6}},
		{"from the beginning", SeriesOptions{To: 3}, []int{1, 3, 3}},
		{"to the end", SeriesOptions{From: n - 1, MaxPoints: 4}, []int{n - 1, n, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			points := get(s.Series(t.Context(), run.ID, "train/loss", c.o))(t)
			if got := []int{points[0].Step, points[len(points)-1].Step, len(points)}; !slices.Equal(got, c.want) {
				t.Errorf("first, last and number of points are %v, want %v", got, c.want)
			}
		})
	}
	for _, o := range []SeriesOptions{{From: n + 1}, {From: n + 1, MaxPoints: 10}, {From: 20, To: 10, MaxPoints: 10}} {
		if points := get(s.Series(t.Context(), run.ID, "train/loss", o))(t); len(points) != 0 {
			t.Errorf("%+v gives %d points", o, len(points))
		}
	}
}

func TestASeriesWithGapsIsThinned(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for i := range 100 {
		w.Point("a", i, 1)
		w.Point("a", 1_000_000_000+i, 2)
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	points := get(s.Series(t.Context(), run.ID, "a", SeriesOptions{MaxPoints: 50}))(t)
	if len(points) < 3 || len(points) > 50 || points[0].Step != 0 || points[len(points)-1].Step != 1_000_000_099 {
		t.Errorf("points %v", points)
	}
}

func TestAnUnknownSeriesIsEmpty(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	if points := get(s.Series(t.Context(), run.ID, "nope", SeriesOptions{}))(t); len(points) != 0 {
		t.Errorf("%d points", len(points))
	}
}

func TestPhasesHavePercentiles(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	for i := 100; i >= 1; i-- { // 1 s to 100 s, not in order
		w.Phase("step", 101-i, seconds(i))
	}
	w.Phase("compile", 1, seconds(7))
	w.Phase("sampling", 5, seconds(1))
	must(t, w.Flush(t.Context()))
	w.Phase("sampling", 5, seconds(2)) // the same step, in another flush
	w.Phase("sampling", 5, seconds(3))
	w.Phase("sampling", 9, seconds(4))
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	want := []Phase{
		{Name: "compile", Count: 1, Total: 7, P50: 7, P95: 7, Max: 7},
		{Name: "sampling", Count: 2, Total: 10, P50: 4, P95: 6, Max: 6},
		{Name: "step", Count: 100, Total: 5050, P50: 50, P95: 95, Max: 100},
	}
	if diff := cmp.Diff(want, get(s.Phases(t.Context(), run.ID))(t)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestPercentilesOfVeryManyStepsAreExactOnceTheRunHasEnded(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	const n = maxRanked + blockSize
	for i := 1; i <= n; i++ {
		w.Point("time/step", i, float64(i*7919%n)/n)
	}
	must(t, w.Flush(t.Context()))
	p := get(s.Phases(t.Context(), run.ID))(t)[0]
	if math.Abs(p.P50-0.5) > 0.02 || math.Abs(p.P95-0.95) > 0.02 || p.Count != n {
		t.Errorf("while it trains: %+v", p)
	}
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	p = get(s.Phases(t.Context(), run.ID))(t)[0]
	if want := float64(nearestRank(50, n)-1) / n; p.P50 != want {
		t.Errorf("the median is %v, want %v", p.P50, want)
	}
	if want := float64(nearestRank(95, n)-1) / n; p.P95 != want {
		t.Errorf("the 95th percentile is %v, want %v", p.P95, want)
	}
	if got := get(s.Median(t.Context(), run.ID, "time/step"))(t); got != p.P50 {
		t.Errorf("read by itself, the median is %v, want %v", got, p.P50)
	}
}

func TestOrderStatisticsOfLongSeriesAreExact(t *testing.T) {
	const n = 10_000
	for _, c := range []struct {
		name  string
		value func(i int) float64
	}{
		{"scattered", func(i int) float64 { return float64(i * 7919 % n) }},
		{"rising", func(i int) float64 { return float64(i) }},
		{"all the same", func(int) float64 { return 3 }},
		{"two values", func(i int) float64 { return float64(i % 2) }},
		{"a sample that is no picture of the rest", func(i int) float64 {
			if (i+1)%blockSize == 0 {
				return 1e6
			}
			return float64(i * 7919 % n)
		}},
		{"many NaN", func(i int) float64 {
			if i%3 == 0 {
				return math.NaN()
			}
			return float64(i)
		}},
		{"nothing but NaN", func(int) float64 { return math.NaN() }},
		{"infinities", func(i int) float64 { return math.Inf(i%2*2 - 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTemp(t)
			values := make([]float64, n)
			for i := range values {
				values[i] = c.value(i)
			}
			put(t, s, "train/loss", values)
			slices.Sort(values) // NaN first
			tx := get(s.read.Begin())(t)
			defer tx.Rollback()
			for _, ranks := range [][2]int{{1, n}, {n / 2, n/2 + 1}, {100, 9500}, {3333, 3334}, {n, n}} {
				a, b, err := orderStatistics(t.Context(), tx, 1, n, ranks[0], ranks[1])
				must(t, err)
				want := []float64{values[ranks[0]-1], values[ranks[1]-1]}
				if diff := cmp.Diff(want, []float64{a, b}, equateNaN); diff != "" {
					t.Errorf("ranks %v: (-want +got) %s", ranks, diff)
				}
			}
		})
	}
}
