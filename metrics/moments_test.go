package metrics

import (
	"math"
	"slices"
	"testing"
)

func TestMomentsDoNotDependOnTheBatches(t *testing.T) {
	f := normals(newRand(3), 500, 7, 1)
	whole := mustMoments(t, f)
	for _, size := range []int{1, 3, 64, 499} {
		m := NewMoments(f.D)
		for batch := range slices.Chunk(f.Data, size*f.D) {
			if err := m.Add(batch); err != nil {
				t.Fatal(err)
			}
		}
		if m.N() != whole.N() || !slices.Equal(m.mean, whole.mean) || !slices.Equal(m.sum, whole.sum) {
			t.Errorf("batches of %d give other moments than one of %d", size, f.N)
		}
	}
}

func TestMomentsKeepDigitsWhereTheMeanIsLarge(t *testing.T) {
	// With a mean of 2²⁰ the squares of float32 features have 40 bits before the
	// point; E[x²] - μ² would keep few of the variance's.
	m := NewMoments(1)
	for i := range 100_000 {
		if err := m.Add([]float32{1<<20 + float32(i%2)}); err != nil {
			t.Fatal(err)
		}
	}
	cov, err := m.Covariance()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cov.At(0, 0), 0.25*100_000/99_999; !near(got, want, 1e-10) {
		t.Errorf("variance %.12g, want %.12g", got, want)
	}
}

func TestMomentsRefuseBadBatchesAndStayAsTheyWere(t *testing.T) {
	m := mustMoments(t, waves(5, 3, 0, 1, 0))
	before := slices.Clone(m.sum)
	nan, infinite := float32(math.NaN()), float32(math.Inf(-1))
	for _, batch := range [][]float32{{1}, {1, 2, 3, 4}, {1, 2, 3, 4, nan, 6}, {infinite, 2, 3}} {
		if err := m.Add(batch); err == nil {
			t.Errorf("%v is taken", batch)
		}
	}
	if m.N() != 5 || !slices.Equal(m.sum, before) {
		t.Error("a refused batch changed the moments")
	}
	if err := m.Add(nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	if err := NewMoments(0).Add([]float32{1}); err == nil {
		t.Error("moments of no values take one")
	}
}

func TestFeaturesRefuseWhatIsNoMatrix(t *testing.T) {
	if _, err := NewFeatures(make([]float32, 7), 3); err == nil {
		t.Error("7 values pass as vectors of 3")
	}
	if _, err := NewFeatures(make([]float32, 7), 0); err == nil {
		t.Error("vectors of no values pass")
	}
	f, err := NewFeatures([]float32{1, 2, 3, 4, 5, 6}, 3)
	if err != nil || f.N != 2 || !slices.Equal(f.Row(1), []float32{4, 5, 6}) {
		t.Errorf("2 × 3: %+v, %v", f, err)
	}
	if err := f.Append([]float32{7, 8}, 2); err == nil {
		t.Error("vectors of 2 are appended to vectors of 3")
	}
	if err := f.Append([]float32{7, 8, 9}, 3); err != nil || f.N != 3 {
		t.Errorf("appending: %v, N = %d", err, f.N)
	}
}
