package metrics

import (
	"math"
	"runtime"
	"strings"
	"testing"
)

func TestKernelIsNumPys(t *testing.T) {
	real := waves(30, 5, 0, 1, 0)
	for _, tc := range []struct {
		name string
		fake *Features
		want float64
	}{
		{"close", waves(30, 5, 0.4, 1.1, 0.25), 0.058185658484059655},
		{"shifted", waves(30, 5, 0.4, 0.6, 1), 7.099088209970192},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Kernel(real, tc.fake, KernelOptions{Subsets: 1, Rand: newRand(1)})
			if err != nil {
				t.Fatal(err)
			}
			if r.Size != 30 || !near(r.Distance, tc.want, 1e-6) {
				t.Errorf("subset of %d: %.12g, want %.12g", r.Size, r.Distance, tc.want)
			}
			if !math.IsNaN(r.StdErr) {
				t.Errorf("one subset has the standard error %g", r.StdErr)
			}
		})
	}
}

// TestKernelIsUnbiasedAndItsStandardErrorTrue repeats the measurement on new
// draws: the mean must be the known distance, and the spread of the values the
// standard error that each of them claims.
func TestKernelIsUnbiasedAndItsStandardErrorTrue(t *testing.T) {
	const repeats, n, d = 200, 200, 4
	for _, tc := range []struct {
		name string
		mean float64
		want float64
	}{
		{"equal distributions", 0, 0},
		{"shifted by ½", 0.5, shiftedMMD(d, 0.5)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var values []float64
			var claimed float64
			for i := range repeats {
				rng := newRand(uint64(i))
				r, err := Kernel(normals(rng, n, d, 0), normals(rng, n, d, tc.mean), KernelOptions{Rand: rng})
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, r.Distance)
				claimed += r.StdErr * r.StdErr / repeats
			}
			mean, stdErr := meanAndStdErr(values)
			if math.Abs(mean-tc.want) > 4*stdErr {
				t.Errorf("mean %g ± %g, want %g", mean, stdErr, tc.want)
			}
			spread := stdErr * math.Sqrt(repeats)
			if ratio := math.Sqrt(claimed) / spread; ratio < 0.8 || ratio > 1.25 {
				t.Errorf("values spread by %g, their standard errors say %g", spread, math.Sqrt(claimed))
			}
		})
	}
}

// shiftedMMD is the squared MMD of N(0, I) and N(μ1, I) in d dimensions. A
// product of two values (a + g)(b + h), g and h standard normal, has the first
// three moments ab, a²b² + a² + b² + 1, and a³b³ + 3a³b + 3ab³ + 9ab.
func shiftedMMD(d int, mu float64) float64 {
	kernel := func(a, b float64) float64 { // E((Σ products)/d + 1)³
		m1 := a * b
		variance := a*a + b*b + 1
		third := a*a*a*b*b*b + 3*a*a*a*b + 3*a*b*b*b + 9*a*b
		skew := third - 3*m1*(variance+m1*m1) + 2*m1*m1*m1
		n := float64(d)
		s1, var1, skew1 := m1+1, variance/n, skew/(n*n) // of s + 1
		return s1*s1*s1 + 3*s1*var1 + skew1
	}
	return kernel(0, 0) + kernel(mu, mu) - 2*kernel(0, mu)
}

func TestKernelDependsOnTheSeedAlone(t *testing.T) {
	real, fake := normals(newRand(1), 300, 8, 0), normals(newRand(2), 400, 8, 0.2)
	get := func(seed uint64) KernelResult {
		r, err := Kernel(real, fake, KernelOptions{Rand: newRand(seed)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := get(7)
	if first.Size != 30 || first.Subsets != 10 {
		t.Errorf("300 and 400 images give %d subsets of %d, want 10 of 30", first.Subsets, first.Size)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if again := get(7); again != first {
		t.Errorf("on one processor %+v, on all %+v", again, first)
	}
	if get(8) == first {
		t.Error("another seed gives the same subsets")
	}
}

func TestKernelRefuses(t *testing.T) {
	good, broken := waves(30, 5, 0, 1, 0), waves(30, 5, 0, 1, 0)
	broken.Data[7] = float32(math.NaN())
	for _, tc := range []struct {
		name       string
		real, fake *Features
		options    KernelOptions
		want       string
	}{
		{"no features", nil, good, KernelOptions{Rand: newRand(1)}, "no real features"},
		{"NaN", good, broken, KernelOptions{Rand: newRand(1)}, "value 2 of generated feature vector 1 is NaN"},
		{"another network", good, waves(30, 4, 0, 1, 0), KernelOptions{Rand: newRand(1)}, "one network"},
		{"no generator", good, good, KernelOptions{}, "random generator"},
		{"too few", good, waves(19, 5, 0, 1, 0), KernelOptions{Rand: newRand(1)}, "19 images are too few"},
		{"none", good, &Features{}, KernelOptions{Rand: newRand(1)}, "0 images are too few"},
		{"too large a subset", good, good, KernelOptions{Rand: newRand(1), Size: 16, Subsets: 2}, "too few"},
		{"a subset of one", good, good, KernelOptions{Rand: newRand(1), Size: 1}, "at least 2"},
		{"negative", good, good, KernelOptions{Rand: newRand(1), Subsets: -1}, "at least 2"},
		{"enormous", good, good, KernelOptions{Rand: newRand(1), Size: math.MaxInt, Subsets: math.MaxInt}, "too few"},
		{"a torn matrix", good, &Features{N: 3, D: 5, Data: make([]float32, 14)}, KernelOptions{Rand: newRand(1)}, "not 3 vectors"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Kernel(tc.real, tc.fake, tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
