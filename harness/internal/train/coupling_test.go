package train

import (
	"math"
	"slices"
	"testing"

	"flowharness/harness/internal/random"
	"flowharness/schedulers"
)

// scattered is a batch of points of two classes with their noise.
func scattered(n int) *batch {
	b := newBatch(n, 2)
	rng := random.New(1, "scattered", 0)
	random.Normal(rng, b.images)
	random.Normal(rng, b.noise)
	for i := range b.labels {
		b.labels[i] = int32(1 + i%2)
		b.images[2*i] += float32(6*(i%2)) - 3
	}
	return b
}

func squaredDistance(b *batch) (sum float64) {
	for i, v := range b.images {
		sum += math.Pow(float64(v)-float64(b.noise[i]), 2)
	}
	return sum
}

func coupled(t *testing.T, kind string, reg float64, n int) *batch {
	t.Helper()
	b := scattered(n)
	if err := couple(schedulers.ProcessConfig{Coupling: kind, SinkhornReg: reg}, b, random.New(1, "couple", 0)); err != nil {
		t.Fatal(err)
	}
	if plain := scattered(n); !slices.Equal(b.images, plain.images) || !slices.Equal(b.labels, plain.labels) {
		t.Errorf("%s moves data or labels", kind)
	}
	return b
}

func TestCouplingsBringNoiseNearer(t *testing.T) {
	independent := scattered(64)
	ot, class, sinkhorn := coupled(t, schedulers.MinibatchOT, 0, 64), coupled(t, schedulers.ClassOT, 0, 64), coupled(t,
		schedulers.SinkhornCoupling, 0.05, 64)
	far, byClass, entropic, near := squaredDistance(independent), squaredDistance(class), squaredDistance(sinkhorn), squaredDistance(ot)
	if !(near < byClass && near < entropic && byClass < far && entropic < far) {
		t.Errorf("squared distances: independent %v, of classes %v, sinkhorn %v, optimal %v", far, byClass, entropic, near)
	}
	// No exchange of two makes an optimal pairing better.
	for i := range 64 {
		for j := range i {
			swapped := coupled(t, schedulers.MinibatchOT, 0, 64)
			swapped.moveNoise([]int{i, j}, []int{j, i})
			if squaredDistance(swapped) < near-1e-6 {
				t.Fatalf("exchanging the noise of %d and %d makes it better", i, j)
			}
		}
	}
	for name, b := range map[string]*batch{"minibatch_ot": ot, "class_ot": class} {
		if !slices.Equal(sorted(b.noise), sorted(independent.noise)) {
			t.Errorf("%s: noise is lost", name)
		}
	}
}

func TestNoiseStaysInItsClassWhereItIsToldTo(t *testing.T) {
	plain, b := scattered(63), coupled(t, schedulers.ClassOT, 0, 63)
	for class := range int32(2) {
		var before, after []float32
		for i, l := range plain.labels {
			if l == class+1 {
				before, after = append(before, plain.noise[2*i:2*i+2]...), append(after, b.noise[2*i:2*i+2]...)
			}
		}
		if !slices.Equal(sorted(before), sorted(after)) {
			t.Errorf("class %d has other noise than before", class)
		}
	}
}

func TestACouplingIsAFunctionOfTheBatch(t *testing.T) {
	for _, kind := range []string{schedulers.MinibatchOT, schedulers.ClassOT, schedulers.SinkhornCoupling} {
		if !slices.Equal(coupled(t, kind, 0.1, 50).noise, coupled(t, kind, 0.1, 50).noise) {
			t.Errorf("%s pairs a batch in two ways", kind)
		}
	}
}

func sorted(values []float32) []float32 { return slices.Sorted(slices.Values(values)) }
