package metrics

import (
	"math"
	"strings"
	"testing"
)

// plane are n points of a normal distribution in the plane, moved along x.
func plane(seed uint64, n int, by float32) *Features {
	f := normals(newRand(seed), n, 2, 0)
	for i := range f.N {
		f.Data[2*i] += by
	}
	return f
}

func TestDistancesOfShiftedPointsAreTheShift(t *testing.T) {
	x, y := plane(1, 500, 0), plane(1, 500, 3)
	w, err := Wasserstein(x, y)
	if err != nil || math.Abs(w-3) > 1e-5 {
		t.Errorf("w2 is %v, %v; want 3", w, err)
	}
	sliced, err := SlicedWasserstein(x, y)
	if err != nil || math.Abs(sliced-3/math.Sqrt2) > 1e-5 {
		t.Errorf("sliced it is %v, %v; want 3/√2", sliced, err)
	}
	if same, _ := Wasserstein(x, x); same != 0 {
		t.Errorf("w2 of a set to itself is %v", same)
	}
	near, _ := GaussianMMD(plane(2, 500, 0), plane(3, 500, 0))
	far, _ := GaussianMMD(x, y)
	if math.Abs(near) > 0.02 || far < 0.2 {
		t.Errorf("the kernel distance is %v of one distribution and %v of two", near, far)
	}
}

// TestGaussianMMDIsTheDefinition adds up all pairs.
func TestGaussianMMDIsTheDefinition(t *testing.T) {
	x, y := plane(1, 7, 0), plane(2, 7, 1)
	kernel := func(a, b []float32) (k float64) {
		d := math.Pow(float64(a[0])-float64(b[0]), 2) + math.Pow(float64(a[1])-float64(b[1]), 2)
		for _, s := range []float64{0.01, 0.1, 1, 10, 100} {
			k += math.Exp(-d / 2 / s / s)
		}
		return k
	}
	var want float64
	for i := range 7 {
		for j := range 7 {
			if i != j {
				want += (kernel(x.Row(i), x.Row(j)) + kernel(y.Row(i), y.Row(j))) / 42
			}
			want -= 2 * kernel(x.Row(i), y.Row(j)) / 49
		}
	}
	if got, err := GaussianMMD(x, y); err != nil || math.Abs(got-want) > 1e-12 {
		t.Errorf("it is %v, %v; want %v", got, err, want)
	}
}

func TestPointsOfTheWrongClassAreFarFromIt(t *testing.T) {
	// Two classes at -5 and 5: swapped, the sets are the same and the classes are not.
	points := &Features{N: 4, D: 2, Data: []float32{-5, 0, 5, 0, -5, 0, 5, 0}}
	p := &Points{Generated: points, Reference: points, Classes: []uint8{0, 1, 0, 1}, ReferenceClasses: []uint8{1, 0, 1, 0}}
	values := byName(t, Input{Points: p})
	if values["w2"].Value != 0 || values["w2_within_classes"].Value != 10 {
		t.Errorf("w2 is %v, within classes %v; want 0 and 10", values["w2"].Value, values["w2_within_classes"].Value)
	}
	p.ReferenceClasses = []uint8{0, 0, 0, 0}
	if v := byName(t, Input{Points: p})["w2_within_classes"]; !math.IsNaN(v.Value) || !strings.Contains(v.Note, "class 1") {
		t.Errorf("a class without data has %+v", v)
	}
}

func TestStraightPathsToTheNearestPointsHaveTheLeastEnergy(t *testing.T) {
	begun, ended := plane(1, 100, 0), plane(1, 100, 3)
	s := NewStraightness(2)
	if err := s.Step(begun.Data, ended.Data, 1); err != nil {
		t.Fatal(err)
	}
	s.End()
	values := byName(t, Input{Straightness: s, Points: &Points{Generated: ended, Reference: ended, Begun: begun}})
	if e := values["path_energy"].Value; math.Abs(e-9) > 1e-4 {
		t.Errorf("the energy is %v, want 9", e)
	}
	if n := values["normalized_path_energy"].Value; n > 1e-5 {
		t.Errorf("normalized it is %v, want 0", n)
	}
}

func TestTooManyPointsAreSliced(t *testing.T) {
	x, y := plane(1, MostAssigned+1, 0), plane(2, MostAssigned+1, 0)
	v := undefined("w2", min(x.N, y.N), 1, MostAssigned)
	if !strings.Contains(v.Note, "w2_sliced") {
		t.Errorf("the note is %q", v.Note)
	}
	if _, err := Wasserstein(x, y); err == nil {
		t.Error("they are assigned")
	}
	if w, err := SlicedWasserstein(x, y); err != nil || w > 0.1 {
		t.Errorf("sliced, one distribution is %v from itself, %v", w, err)
	}
}

func byName(t *testing.T, in Input) map[string]Value {
	t.Helper()
	values, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]Value{}
	for _, v := range values {
		named[v.Name] = v
	}
	return named
}
