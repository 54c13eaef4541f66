package metrics

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Frechet is the squared Fréchet distance (2-Wasserstein) between the Gaussians
// with the moments of two sets of features:
//
//	‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁^½ Σ₂ Σ₁^½)^½)
//
// (Dowson & Landau 1982, J. Multivariate Anal. 12; used for generated images by
// Heusel et al. 2017, arXiv:1706.08500, eq. 6, there with Inception features).
// It is in the squared units of the features, at least 0, and 0 only for equal
// moments. Its estimate is biased upwards, the more the fewer samples there are
// (Bińkowski et al. 2018, arXiv:1801.01401, section 4 and appendix D): compare
// values of equal sample counts only, and take none seriously where n is not
// well above d.
//
// The square roots are symmetric eigendecompositions: Σ₁^½ Σ₂ Σ₁^½ is symmetric
// where Σ₁Σ₂, whose square root others take, is not. Negative eigenvalues of
// the size of rounding errors count as 0; larger ones are an error.
//
// It is an error if either set has fewer than two vectors, or if they differ in
// the number of values.
func Frechet(a, b *Moments) (float64, error) {
	if a.Dim() != b.Dim() {
		return 0, fmt.Errorf("features of %d and of %d values cannot be compared: they must come from one network", a.Dim(), b.Dim())
	}
	covA, err := a.Covariance()
	if err != nil {
		return 0, err
	}
	covB, err := b.Covariance()
	if err != nil {
		return 0, err
	}
	return frechet(a.mean, b.mean, covA, covB)
}

func frechet(meanA, meanB []float64, covA, covB *mat.SymDense) (float64, error) {
	var means float64
	for i := range meanA {
		delta := meanA[i] - meanB[i]
		means += delta * delta
	}
	rootA, err := squareRoot(covA)
	if err != nil {
		return 0, err
	}
	var left, product mat.Dense
	left.Mul(rootA, covB)
	product.Mul(&left, rootA)
	eigenvalues, _, err := eigen(symmetric(&product), false)
	if err != nil {
		return 0, err
	}
	var root float64
	for _, l := range eigenvalues {
		root += math.Sqrt(l)
	}
	traces := mat.Trace(covA) + mat.Trace(covB)
	// Between equal moments the two traces cancel but for rounding.
	if distance := means + (traces - 2*root); distance > -1e-6*traces {
		return max(distance, 0), nil
	}
	return 0, fmt.Errorf("the Fréchet distance comes out as %g: the covariances (traces sum to %g) are no covariances",
		means+traces-2*root, traces)
}

// squareRoot is the symmetric square root of a positive semidefinite matrix.
func squareRoot(a *mat.SymDense) (*mat.Dense, error) {
	eigenvalues, vectors, err := eigen(a, true)
	if err != nil {
		return nil, err
	}
	n := len(eigenvalues)
	scaled := mat.NewDense(n, n, nil)
	scaled.Apply(func(_, j int, v float64) float64 { return v * math.Sqrt(eigenvalues[j]) }, vectors)
	var root mat.Dense
	root.Mul(scaled, vectors.T())
	return &root, nil
}

// eigenTolerance is how far below 0 an eigenvalue may be, against the largest
// one, to count as 0: a few thousand rounding errors of float64.
const eigenTolerance = 1e-10

// eigen are the eigenvalues, with rounding errors below 0 set to 0, and if
// wanted the eigenvectors as columns.
func eigen(a *mat.SymDense, wantVectors bool) ([]float64, *mat.Dense, error) {
	for i := range a.SymmetricDim() {
		for j := range i + 1 {
			if v := a.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, nil, fmt.Errorf("entry (%d, %d) of a covariance is %v: the features are too large", i, j, v)
			}
		}
	}
	var e mat.EigenSym
	if !e.Factorize(a, wantVectors) {
		return nil, nil, errors.New("the eigendecomposition of a covariance does not converge")
	}
	values := e.Values(nil) // ascending
	tolerance := eigenTolerance * math.Abs(values[len(values)-1])
	for i, l := range values {
		if l < -tolerance {
			return nil, nil, fmt.Errorf("eigenvalue %g of a covariance is negative (the largest is %g): it is no covariance", l,
				values[len(values)-1])
		}
		values[i] = max(l, 0)
	}
	if !wantVectors {
		return values, nil, nil
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	return values, &vectors, nil
}

// symmetric averages a matrix with its transpose.
func symmetric(a *mat.Dense) *mat.SymDense {
	n, _ := a.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			s.SetSym(i, j, (a.At(i, j)+a.At(j, i))/2)
		}
	}
	return s
}

var frechetFamily = family{
	metrics: []Metric{{
		Name: "fd_{dataset}_cnn", Better: Lower, Classifier: true, DependsOnCount: true, Unit: "squared feature units", Low: 0, High: inf,
		Description: "Fréchet distance of the harness's classifier's features to the test split's (not Inception FID)",
	}},
	compute: func(in *Input) ([]Value, error) {
		if in.Reference == nil && in.ReferenceMoments == nil || in.Generated == nil {
			return nil, nil
		}
		real := in.ReferenceMoments
		if real == nil {
			var err error
			if real, err = in.Reference.Moments(); err != nil {
				return nil, fmt.Errorf("real features: %w", err)
			}
		}
		v := value(in.named("fd_{dataset}_cnn"))
		fake, err := in.Generated.Moments()
		if err != nil {
			return nil, fmt.Errorf("generated features: %w", err)
		}
		if real.N() < 2 || fake.N() < 2 {
			v.Note = fmt.Sprintf("not defined for %d real and %d generated images: it takes 2 of each", real.N(), fake.N())
			return []Value{v}, nil
		}
		if few := min(real.N(), fake.N()); few <= real.Dim() {
			v.Note = fmt.Sprintf("the covariance of %d features is estimated from %d images: too large, compare only with equal "+
				"counts", real.Dim(), few)
		}
		v.Value, err = Frechet(real, fake)
		return []Value{v}, err
	},
}
