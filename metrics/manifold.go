package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// ManifoldResult are four shares; see [Manifold].
type ManifoldResult struct {
	Precision, Recall float64 // 0 … 1
	Density           float64 // 0 … ; 1 where generated images lie as the real ones do
	Coverage          float64 // 0 … 1
}

// Manifold compares two sets of features by balls around their points. The ball
// of a point reaches to its k-th nearest neighbour in its own set, itself not
// counted, and includes its surface.
//
//   - Precision: the share of generated points in the ball of some real point.
//     How many samples are realistic.
//   - Recall: the share of real points in the ball of some generated point.
//     How much of the data the samples reach.
//   - Density: how many real balls a generated point lies in, on average, by k.
//     Unlike precision it does not take an outlier's large ball for many.
//   - Coverage: the share of real points whose ball holds a generated point.
//
// Precision and recall: Kynkäänniemi et al. 2019 (arXiv:1904.06991, eq. 1 and
// 2); density and coverage: Naeem et al. 2020 (arXiv:2002.09797, section 3).
// They depend on k and on the number of points: compare values of equal counts.
//
// Distances are Euclidean, exact in float64, and never stored: memory does not
// grow with the product of the counts. Rows are compared in parallel; the
// result is the same to the bit for any GOMAXPROCS. It is an error if k is
// below 1, if a set has no more than k points, or if a feature is not finite.
func Manifold(real, fake *Features, k int) (ManifoldResult, error) {
	if err := checkPair(real, fake); err != nil {
		return ManifoldResult{}, err
	}
	if k < 1 {
		return ManifoldResult{}, fmt.Errorf("the number of neighbours is %d, must be at least 1", k)
	}
	if real.N <= k || fake.N <= k {
		return ManifoldResult{}, fmt.Errorf("%d real and %d generated feature vectors are too few for %d neighbours: it takes %d of "+
			"each", real.N, fake.N, k, k+1)
	}
	xs, ys := real.float64s(), fake.float64s()
	realRadii, fakeRadii := squaredRadii(xs, k), squaredRadii(ys, k)

	inReal := make([]int, fake.N) // real balls that hold the generated point
	forRows(fake.N, func(j int) {
		for i, x := range xs {
			if squaredDistance(x, ys[j], realRadii[i]) <= realRadii[i] {
				inReal[j]++
			}
		}
	})
	inFake := make([]bool, real.N)  // the real point lies in a generated ball
	covered := make([]bool, real.N) // its ball holds a generated point
	forRows(real.N, func(i int) {
		for j, y := range ys {
			bound := max(realRadii[i], fakeRadii[j])
			d := squaredDistance(xs[i], y, bound)
			covered[i] = covered[i] || d <= realRadii[i]
			inFake[i] = inFake[i] || d <= fakeRadii[j]
			if covered[i] && inFake[i] {
				return
			}
		}
	})

	var hits, realistic, reached, held int
	for _, n := range inReal {
		hits += n
		if n > 0 {
			realistic++
		}
	}
	for i := range real.N {
		if inFake[i] {
			reached++
		}
		if covered[i] {
			held++
		}
	}
	return ManifoldResult{
		Precision: float64(realistic) / float64(fake.N),
		Recall:    float64(reached) / float64(real.N),
		Density:   float64(hits) / float64(k) / float64(fake.N),
		Coverage:  float64(held) / float64(real.N),
	}, nil
}

// squaredRadii are the squared distances of each point to its k-th nearest
// neighbour in the set.
func squaredRadii(points [][]float64, k int) []float64 {
	radii := make([]float64, len(points))
	forRows(len(points), func(i int) {
		nearest := make([]float64, k) // ascending
		for n := range nearest {
			nearest[n] = math.Inf(1)
		}
		for j, y := range points {
			if j == i {
				continue
			}
			d := squaredDistance(points[i], y, nearest[k-1])
			for n := k - 1; n >= 0 && d < nearest[n]; n-- { // sorts it in
				if n < k-1 {
					nearest[n+1] = nearest[n]
				}
				nearest[n] = d
			}
		}
		radii[i] = nearest[k-1]
	})
	return radii
}

// squaredDistance is ‖x - y‖². Where that is above bound it may be anything
// above bound: most pairs are far apart, and a few values show it.
func squaredDistance(x, y []float64, bound float64) float64 {
	const chunk = 8
	var sum float64
	for len(x) >= chunk {
		a, b := (*[chunk]float64)(x), (*[chunk]float64)(y)
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		d4, d5, d6, d7 := a[4]-b[4], a[5]-b[5], a[6]-b[6], a[7]-b[7]
		sum += ((d0*d0 + d1*d1) + (d2*d2 + d3*d3)) + ((d4*d4 + d5*d5) + (d6*d6 + d7*d7))
		if sum > bound {
			return sum
		}
		x, y = x[chunk:], y[chunk:]
	}
	for i, v := range x {
		d := v - y[i]
		sum += d * d
	}
	return sum
}

var manifoldFamily = family{
	metrics: []Metric{
		{Name: "precision", Better: Higher, Classifier: true, DependsOnCount: true, Unit: "share", Low: 0, High: 1,
			Description: "share of samples within the manifold of the test split"},
		{Name: "recall", Better: Higher, Classifier: true, DependsOnCount: true, Unit: "share", Low: 0, High: 1,
			Description: "share of the test split within the manifold of the samples"},
		{Name: "density", Better: Higher, Classifier: true, DependsOnCount: true, Low: 0, High: inf,
			Description: "how densely the samples lie where the test split does; 1 for as densely as itself"},
		{Name: "coverage", Better: Higher, Classifier: true, DependsOnCount: true, Unit: "share", Low: 0, High: 1,
			Description: "share of the test split's images that have a sample near them"},
	},
	compute: func(in *Input) ([]Value, error) {
		if in.Reference == nil || in.Generated == nil {
			return nil, nil
		}
		values := []Value{value("precision"), value("recall"), value("density"), value("coverage")}
		k := in.neighbours()
		if in.Reference.N <= k || in.Generated.N <= k {
			for i := range values {
				values[i].Note = fmt.Sprintf("not defined for %d real and %d generated images: %d neighbours take %d of each",
					in.Reference.N, in.Generated.N, k, k+1)
			}
			return values, nil
		}
		// All four depend on the counts, coverage most: few samples cannot be near
		// every image of a large split.
		r, err := Manifold(in.Reference.choose(in.Generated.N, rand.New(rand.NewPCG(in.Seed, 0))), in.Generated, k)
		for i, v := range []float64{r.Precision, r.Recall, r.Density, r.Coverage} {
			values[i].Value = v
		}
		return values, err
	},
}
