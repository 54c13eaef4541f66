package metrics

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Moments accumulate mean and covariance of feature vectors that come in
// batches; only d² numbers are kept. The result is the same to the bit however
// the vectors, in one order, are cut into batches.
type Moments struct {
	n    int
	mean []float64 // [d]
	sum  []float64 // [d, d], upper triangle: sum of (x - mean)(x - mean)ᵀ

	delta []float64 // of the vector being added
}

// NewMoments accumulates vectors of d values.
func NewMoments(d int) *Moments {
	d = max(d, 0)
	return &Moments{mean: make([]float64, d), sum: make([]float64, d*d), delta: make([]float64, d)}
}

// Add takes a batch [n, d], row-major. It refuses a batch of another width and
// one with a NaN or an infinity, and then leaves the moments as they were.
//
// Each vector updates the mean and the sum of squares about it (Welford 1962,
// Technometrics 4(3); for covariances Chan et al. 1983), which loses no digits
// where the mean is large against the spread, as E[xxᵀ] - μμᵀ would.
func (m *Moments) Add(batch []float32) error {
	d := len(m.mean)
	if d == 0 && len(batch) == 0 {
		return nil
	}
	if d == 0 || len(batch)%d != 0 {
		return fmt.Errorf("a batch of %d values is no whole number of feature vectors of %d values", len(batch), d)
	}
	if i := firstNotFinite(batch); i >= 0 {
		return fmt.Errorf("value %d of feature vector %d is %v", i%d, m.n+i/d, batch[i])
	}
	for ; len(batch) > 0; batch = batch[d:] {
		m.n++
		n := float64(m.n)
		for i, x := range batch[:d] {
			m.delta[i] = float64(x) - m.mean[i]
			m.mean[i] += m.delta[i] / n
		}
		for i, di := range m.delta {
			weight := di * (n - 1) / n // x - the new mean, times
			row := m.sum[i*d : (i+1)*d]
			for j := i; j < d; j++ {
				row[j] += weight * m.delta[j]
			}
		}
	}
	return nil
}

// N is the number of vectors seen.
func (m *Moments) N() int { return m.n }

// Dim is the number of values in a vector.
func (m *Moments) Dim() int { return len(m.mean) }

// Mean is the mean vector [d].
func (m *Moments) Mean() []float64 { return append([]float64{}, m.mean...) }

// Covariance is the unbiased estimate, with divisor n - 1. It needs two vectors.
func (m *Moments) Covariance() (*mat.SymDense, error) {
	d := len(m.mean)
	if m.n < 2 || d == 0 {
		return nil, fmt.Errorf("the covariance of %d feature vectors of %d values is not defined: it takes two vectors", m.n, d)
	}
	c := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			c.SetSym(i, j, m.sum[i*d+j]/float64(m.n-1))
		}
	}
	return c, nil
}
