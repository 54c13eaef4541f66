package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// waves are features by formula, so that the values expected of them can be
// computed elsewhere; the ones in these tests come from NumPy in float64.
func waves(n, d int, phase, scale, shift float64) *Features {
	f := &Features{N: n, D: d, Data: make([]float32, 0, n*d)}
	for i := range n {
		for j := range d {
			a, b := float64(i), float64(j)
			f.Data = append(f.Data, float32(shift+scale*math.Sin(1.7*a*(b+1)+0.3*a*a+phase)+0.5*math.Cos(0.9*a+2.1*b)))
		}
	}
	return f
}

// normals are draws from N(mean, 1) in every value.
func normals(rng *rand.Rand, n, d int, mean float64) *Features {
	f := &Features{N: n, D: d, Data: make([]float32, n*d)}
	for i := range f.Data {
		f.Data[i] = float32(mean + rng.NormFloat64())
	}
	return f
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func mustMoments(t testing.TB, f *Features) *Moments {
	t.Helper()
	m, err := f.Moments()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// near tells whether got is want but for a relative (below 1: absolute) error.
func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}
