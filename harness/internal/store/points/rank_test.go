package points

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPhasesHavePercentiles(t *testing.T) {
	f := openTemp(t)
	run := f.newRun()
	w := f.openWriter(run)
	for i := 100; i >= 1; i-- { // 1 s to 100 s, not in order
		w.point("time/step", 101-i, float64(i))
	}
	w.point("time/compile", 1, float64(7))
	w.point("time/sampling", 5, float64(1))
	w.flush()
	w.point("time/sampling", 5, float64(2)) // the same step, in another flush
	w.point("time/sampling", 5, float64(3))
	w.point("time/sampling", 9, float64(4))
	f.finish(w, run)
	want := []Phase{
		{Name: "compile", Count: 1, Total: 7, P50: 7, P95: 7, Max: 7},
		{Name: "sampling", Count: 2, Total: 10, P50: 4, P95: 6, Max: 6},
		{Name: "step", Count: 100, Total: 5050, P50: 50, P95: 95, Max: 100},
	}
	if diff := cmp.Diff(want, f.phases(run)); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestPercentilesOfVeryManyStepsAreExactOnceTheRunHasEnded(t *testing.T) {
	f := openTemp(t)
	run := f.newRun()
	w := f.openWriter(run)
	const n = maxRanked + blockSize
	for i := 1; i <= n; i++ {
		w.point("time/step", i, float64(i*7919%n)/n)
	}
	w.flush()
	p := f.phases(run)[0]
	if math.Abs(p.P50-0.5) > 0.02 || math.Abs(p.P95-0.95) > 0.02 || p.Count != n {
		t.Errorf("while it trains: %+v", p)
	}
	f.finish(w, run)
	p = f.phases(run)[0]
	if want := float64(nearestRank(50, n)-1) / n; p.P50 != want {
		t.Errorf("the median is %v, want %v", p.P50, want)
	}
	if want := float64(nearestRank(95, n)-1) / n; p.P95 != want {
		t.Errorf("the 95th percentile is %v, want %v", p.P95, want)
	}
	if got := f.median(run, "time/step"); got != p.P50 {
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
			f := openTemp(t)
			values := make([]float64, n)
			for i := range values {
				values[i] = c.value(i)
			}
			f.put("train/loss", values)
			slices.Sort(values) // NaN first
			tx := get(f.Reading().Begin())(t)
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
