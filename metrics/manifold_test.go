package metrics

import (
	"math"
	"runtime"
	"strings"
	"testing"
)

func TestManifoldIsNumPys(t *testing.T) {
	real := waves(40, 5, 0, 1, 0)
	close, shifted := waves(30, 5, 0.4, 1.1, 0.25), waves(30, 5, 0.4, 0.6, 1)
	for _, tc := range []struct {
		name string
		fake *Features
		k    int
		want ManifoldResult
	}{
		{"close, k = 1", close, 1, ManifoldResult{26. / 30, 0.9, 1.0666666666666667, 0.55}},
		{"close, k = 3", close, 3, ManifoldResult{1, 1, 0.8777777777777778, 0.925}},
		{"close, k = 5", close, 5, ManifoldResult{1, 1, 0.7933333333333333, 0.975}},
		{"shifted, k = 1", shifted, 1, ManifoldResult{13. / 30, 0.125, 0.4666666666666667, 0.05}},
		{"shifted, k = 3", shifted, 3, ManifoldResult{0.8, 0.2, 0.4111111111111111, 0.15}},
		{"shifted, k = 5", shifted, 5, ManifoldResult{29. / 30, 0.225, 0.32666666666666666, 0.25}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Manifold(real, tc.fake, tc.k)
			if err != nil {
				t.Fatal(err)
			}
			if !near(got.Precision, tc.want.Precision, 1e-12) || !near(got.Recall, tc.want.Recall, 1e-12) ||
				!near(got.Density, tc.want.Density, 1e-12) || !near(got.Coverage, tc.want.Coverage, 1e-12) {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestManifoldIsTheDefinition compares with the definition written out, on
// sizes and widths where chunks do and do not come out even.
func TestManifoldIsTheDefinition(t *testing.T) {
	for _, tc := range []struct{ n, m, d, k int }{{30, 20, 1, 3}, {25, 40, 7, 2}, {33, 33, 8, 5}, {50, 17, 19, 1}} {
		real, fake := normals(newRand(1), tc.n, tc.d, 0), normals(newRand(2), tc.m, tc.d, 0.3)
		got, err := Manifold(real, fake, tc.k)
		if err != nil {
			t.Fatal(err)
		}
		if want := naiveManifold(real, fake, tc.k); got != want {
			t.Errorf("%+v: %+v, want %+v", tc, got, want)
		}
	}
}

func naiveManifold(real, fake *Features, k int) ManifoldResult {
	distanceSquared := func(x, y []float32) float64 {
		a, b := Features{N: 1, D: len(x), Data: x}, Features{N: 1, D: len(y), Data: y}
		return squaredDistance(a.float64s()[0], b.float64s()[0], math.Inf(1))
	}
	radius := func(f *Features, i int) float64 { // the smallest distance that k others do not exceed
		best := math.Inf(1)
		for j := range f.N {
			within := 0
			d := distanceSquared(f.Row(i), f.Row(j))
			for l := range f.N {
				if l != i && distanceSquared(f.Row(i), f.Row(l)) <= d {
					within++
				}
			}
			if j != i && within >= k {
				best = min(best, d)
			}
		}
		return best
	}
	inBall := func(f *Features, i int, x []float32) bool { return distanceSquared(f.Row(i), x) <= radius(f, i) }
	share := func(n int, holds func(i int) bool) float64 {
		count := 0
		for i := range n {
			if holds(i) {
				count++
			}
		}
		return float64(count) / float64(n)
	}
	any := func(n int, holds func(i int) bool) bool { return share(n, holds) > 0 }
	hits := 0.0
	for j := range fake.N {
		hits += share(real.N, func(i int) bool { return inBall(real, i, fake.Row(j)) }) * float64(real.N)
	}
	return ManifoldResult{
		Precision: share(fake.N, func(j int) bool {
			return any(real.N, func(i int) bool { return inBall(real, i, fake.Row(j)) })
		}),
		Recall: share(real.N, func(i int) bool {
			return any(fake.N, func(j int) bool { return inBall(fake, j, real.Row(i)) })
		}),
		Density: math.Round(hits) / float64(k) / float64(fake.N),
		Coverage: share(real.N, func(i int) bool {
			return any(fake.N, func(j int) bool { return inBall(real, i, fake.Row(j)) })
		}),
	}
}

func TestManifoldTellsFaultsApart(t *testing.T) {
	const n, d = 600, 8
	real := normals(newRand(1), n, d, 0)
	get := func(fake *Features) ManifoldResult {
		r, err := Manifold(real, fake, 5)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	same := get(normals(newRand(2), n, d, 0))
	if same.Precision < 0.8 || same.Recall < 0.8 || same.Coverage < 0.8 || math.Abs(same.Density-1) > 0.15 {
		t.Errorf("new draws of the same distribution: %+v", same)
	}
	if copied := get(real); copied != (ManifoldResult{1, 1, copied.Density, 1}) || copied.Density < 1 {
		t.Errorf("copies of the data: %+v", copied)
	}
	// Ten points over and over: realistic, and reaching little.
	few := &Features{}
	for i := range n {
		if err := few.Append(real.Row(i%10), d); err != nil {
			t.Fatal(err)
		}
	}
	if r := get(few); r.Precision != 1 || r.Recall > 0.05 || r.Coverage > 0.2 {
		t.Errorf("ten images over and over: %+v", r)
	}
	if r := get(normals(newRand(3), n, d, 20)); r != (ManifoldResult{}) {
		t.Errorf("far away: %+v", r)
	}
	if swapped, err := Manifold(few, real, 5); err != nil || swapped.Recall != get(few).Precision {
		t.Errorf("the recall of swapped sets is %v (%v), want the precision %v", swapped.Recall, err, get(few).Precision)
	}
}

func TestManifoldIsTheSameOnAnyNumberOfProcessors(t *testing.T) {
	real, fake := normals(newRand(1), 333, 19, 0), normals(newRand(2), 250, 19, 0.1)
	want, err := Manifold(real, fake, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, procs := range []int{1, 2, 7} {
		previous := runtime.GOMAXPROCS(procs)
		got, err := Manifold(real, fake, 5)
		runtime.GOMAXPROCS(previous)
		if err != nil || got != want {
			t.Errorf("on %d: %+v, %v; want %+v", procs, got, err, want)
		}
	}
}

func TestManifoldRefuses(t *testing.T) {
	good, broken := waves(10, 5, 0, 1, 0), waves(10, 5, 0, 1, 0)
	broken.Data[49] = float32(math.Inf(1))
	for _, tc := range []struct {
		name       string
		real, fake *Features
		k          int
		want       string
	}{
		{"no features", good, nil, 5, "no generated features"},
		{"infinity", broken, good, 5, "value 4 of real feature vector 9 is +Inf"},
		{"another network", good, waves(10, 6, 0, 1, 0), 5, "one network"},
		{"k = 0", good, good, 0, "at least 1"},
		{"as many as neighbours", good, waves(5, 5, 0, 1, 0), 5, "too few for 5 neighbours: it takes 6"},
		{"none", &Features{}, good, 5, "too few"},
		{"a torn matrix", &Features{N: -1, D: -5, Data: make([]float32, 5)}, good, 5, "not -1 vectors"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Manifold(tc.real, tc.fake, tc.k); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
