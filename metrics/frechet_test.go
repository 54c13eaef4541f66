package metrics

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestFrechetOfGaussiansIsTheClosedForm(t *testing.T) {
	// For 2×2 matrices tr((AB)^½) = sqrt(tr(AB) + 2 sqrt(det A det B)).
	twoByTwo := func(a, b []float64) float64 {
		trace := a[0]*b[0] + a[1]*b[2] + a[2]*b[1] + a[3]*b[3]
		det := (a[0]*a[3] - a[1]*a[2]) * (b[0]*b[3] - b[1]*b[2])
		return a[0] + a[3] + b[0] + b[3] - 2*math.Sqrt(trace+2*math.Sqrt(det))
	}
	a2, b2 := []float64{2, 0.7, 0.7, 1}, []float64{0.5, -0.4, -0.4, 3}
	for _, tc := range []struct {
		name         string
		meanA, meanB []float64
		covA, covB   []float64
		want         float64
	}{
		{"one dimension: (μ₁-μ₂)² + (σ₁-σ₂)²", []float64{1}, []float64{3}, []float64{4}, []float64{9}, 4 + 1},
		{"equal Gaussians", []float64{1, 2}, []float64{1, 2}, a2, a2, 0},
		{"means alone", []float64{0, 0}, []float64{3, 4}, a2, a2, 25},
		{"commuting covariances: Σ(√a-√b)²", make([]float64, 3), make([]float64, 3),
			[]float64{1, 0, 0, 0, 4, 0, 0, 0, 9}, []float64{16, 0, 0, 0, 4, 0, 0, 0, 1}, 9 + 0 + 4},
		{"2×2 that do not commute", make([]float64, 2), make([]float64, 2), a2, b2, twoByTwo(a2, b2)},
		{"3×3 that do not commute, from NumPy's eigenvalues of the product", make([]float64, 3), make([]float64, 3),
			[]float64{2, .5, .3, .5, 1, -.2, .3, -.2, .7}, []float64{1, -.4, .1, -.4, 1.5, .6, .1, .6, .9}, 0.9333742470717654},
		{"a flat Gaussian: tr Σ₁", make([]float64, 2), make([]float64, 2), a2, make([]float64, 4), 3},
		{"rank one and identity: 2 + 1 - 2·√1", make([]float64, 2), make([]float64, 2), []float64{1, 0, 0, 0}, []float64{1, 0, 0, 1}, 1},
		{"tiny spread", make([]float64, 2), make([]float64, 2), []float64{1e-12, 0, 0, 1e-12}, []float64{4e-12, 0, 0, 4e-12}, 2e-12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := len(tc.meanA)
			a, b := mat.NewSymDense(n, tc.covA), mat.NewSymDense(n, tc.covB)
			for range 2 {
				got, err := frechet(tc.meanA, tc.meanB, a, b)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(got-tc.want) > 1e-7*max(tc.want, mat.Trace(a)+mat.Trace(b)) {
					t.Errorf("%g, want %g", got, tc.want)
				}
				a, b = b, a // it is symmetric
			}
		})
	}
}

func TestFrechetOfFeaturesIsNumPys(t *testing.T) {
	real, fake := mustMoments(t, waves(40, 5, 0, 1, 0)), mustMoments(t, waves(30, 5, 0.4, 1.1, 0.25))
	got, err := Frechet(real, fake)
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.4582746294731015; !near(got, want, 1e-6) { // the features are float32 and their sines the platform's
		t.Errorf("%.12g, want %.12g", got, want)
	}
	cov, err := real.Covariance()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		i, j int
		want float64
	}{{0, 0, 0.5709338659305878}, {0, 1, -0.05583400381749928}, {3, 4, -0.11000766457343598}} {
		if got := cov.At(c.i, c.j); !near(got, c.want, 1e-6) {
			t.Errorf("covariance (%d, %d) is %g, want %g", c.i, c.j, got, c.want)
		}
	}
	if got := real.Mean()[3]; !near(got, -0.15344272596994415, 1e-6) {
		t.Errorf("mean 3 is %g", got)
	}
}

func TestFrechetSeesAShiftAndNotAnOrder(t *testing.T) {
	a := normals(newRand(1), 5000, 16, 0)
	shifted := normals(newRand(2), 5000, 16, 0.5)
	got, err := Frechet(mustMoments(t, a), mustMoments(t, shifted))
	if err != nil {
		t.Fatal(err)
	}
	if got < 3.8 || got > 4.3 { // 16 · 0.5², and a little for the estimate
		t.Errorf("distance of N(0, 1) and N(½, 1) in 16 dimensions is %g, want about 4", got)
	}
	reversed := &Features{}
	for i := a.N - 1; i >= 0; i-- {
		if err := reversed.Append(a.Row(i), a.D); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Frechet(mustMoments(t, a), mustMoments(t, reversed)); err != nil || got > 1e-9 {
		t.Errorf("distance to itself reversed is %g, %v", got, err)
	}
}

func TestFrechetRefusesWhatIsNoCovariance(t *testing.T) {
	zero, one := make([]float64, 2), mat.NewSymDense(2, []float64{1, 0, 0, 1})
	for _, tc := range []struct {
		name string
		cov  []float64
		want string
	}{
		{"a negative eigenvalue", []float64{1, 0, 0, -0.01}, "negative"},
		{"all eigenvalues negative", []float64{-1, 0, 0, -2}, "negative"},
		{"NaN", []float64{math.NaN(), 0, 0, 1}, "NaN"},
		{"infinity", []float64{math.Inf(1), 0, 0, 1}, "Inf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cov := mat.NewSymDense(2, tc.cov)
			if _, err := frechet(zero, zero, cov, one); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("first: error %v, want one with %q", err, tc.want)
			}
			if _, err := frechet(zero, zero, one, cov); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("second: error %v, want one with %q", err, tc.want)
			}
		})
	}
	if got, err := frechet(zero, zero, mat.NewSymDense(2, []float64{1, 0, 0, -1e-13}), one); err != nil || !near(got, 1, 1e-9) {
		t.Errorf("an eigenvalue of -1e-13 is rounding: got %g, %v", got, err)
	}
}

func TestFrechetRefusesTooFewAndUnlikeFeatures(t *testing.T) {
	five := mustMoments(t, waves(10, 5, 0, 1, 0))
	for _, tc := range []struct {
		name string
		b    *Moments
		want string
	}{
		{"none", NewMoments(5), "takes two"},
		{"one", mustMoments(t, waves(1, 5, 0, 1, 0)), "takes two"},
		{"another network", mustMoments(t, waves(10, 4, 0, 1, 0)), "one network"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, pair := range [][2]*Moments{{five, tc.b}, {tc.b, five}} {
				if _, err := Frechet(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want one with %q", err, tc.want)
				}
			}
		})
	}
}
