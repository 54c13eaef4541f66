package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Features are n feature vectors of d values each, one per image. The zero
// value is empty and takes its d from the first batch that is appended.
type Features struct {
	N, D int
	Data []float32 // [N, D], row-major
}

// NewFeatures takes data [n, d], row-major, without copying it.
func NewFeatures(data []float32, d int) (*Features, error) {
	f := &Features{}
	if d < 1 || len(data)%d != 0 {
		return nil, fmt.Errorf("%d values are no whole number of feature vectors of %d values", len(data), d)
	}
	f.N, f.D, f.Data = len(data)/d, d, data
	return f, nil
}

// Append copies a batch [n, d], row-major, to the end.
func (f *Features) Append(batch []float32, d int) error {
	switch {
	case d < 1 || len(batch)%d != 0:
		return fmt.Errorf("a batch of %d values is no whole number of feature vectors of %d values", len(batch), d)
	case f.D != 0 && d != f.D:
		return fmt.Errorf("a batch of features of %d values cannot be appended to features of %d values", d, f.D)
	}
	f.D = d
	f.Data = append(f.Data, batch...)
	f.N += len(batch) / d
	return nil
}

// Row is feature vector i, not a copy.
func (f *Features) Row(i int) []float32 { return f.Data[i*f.D : (i+1)*f.D] }

// choose is n of the vectors, or all if there are no more.
func (f *Features) choose(n int, rng *rand.Rand) *Features {
	if n >= f.N {
		return f
	}
	few := &Features{N: n, D: f.D}
	for _, i := range rng.Perm(f.N)[:n] {
		few.Data = append(few.Data, f.Row(i)...)
	}
	return few
}

// float64s are the rows in float64, which every comparison takes many times.
func (f *Features) float64s() [][]float64 {
	rows, flat := make([][]float64, f.N), make([]float64, f.N*f.D)
	for i, v := range f.Data {
		flat[i] = float64(v)
	}
	for i := range rows {
		rows[i] = flat[i*f.D : (i+1)*f.D]
	}
	return rows
}

// Moments are the moments of all rows.
func (f *Features) Moments() (*Moments, error) {
	m := NewMoments(f.D)
	return m, m.Add(f.Data)
}

// check refuses features that cannot be what they claim, and values that are not finite.
func (f *Features) check(what string) error {
	if f == nil {
		return fmt.Errorf("there are no %s features", what)
	}
	if f.N < 0 || f.D < 0 || len(f.Data) != f.N*f.D {
		return fmt.Errorf("the %s features are %d values, not %d vectors of %d", what, len(f.Data), f.N, f.D)
	}
	if i := firstNotFinite(f.Data); i >= 0 {
		return fmt.Errorf("value %d of %s feature vector %d is %v", i%f.D, what, i/f.D, f.Data[i])
	}
	return nil
}

// checkPair checks two sets that are to be compared.
func checkPair(real, fake *Features) error {
	if err := real.check("real"); err != nil {
		return err
	}
	if err := fake.check("generated"); err != nil {
		return err
	}
	if real.D != fake.D && real.N > 0 && fake.N > 0 {
		return fmt.Errorf("real features have %d values, generated ones %d: they must come from one network", real.D, fake.D)
	}
	return nil
}

// firstNotFinite is the index of the first NaN or infinity, -1 if there is none.
func firstNotFinite(values []float32) int {
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return i
		}
	}
	return -1
}
