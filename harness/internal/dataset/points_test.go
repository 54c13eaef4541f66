package dataset

import (
	"math"
	"slices"
	"testing"
)

func TestPointsArePinned(t *testing.T) {
	want := map[string]string{
		"8gaussians":   "3e262fca06cd796fc76bee764e677112ddd8fa18fce3bc22b0bd0833d7b62fe3",
		"moons":        "63196637d27fdf2f155b106d60a2a3d677bf724e391d3604217aca357fdb2b24",
		"checkerboard": "f7ac6fb617a99cac95dd77d980277a037748d8417509e58de910d9b8f06474df",
		"swissroll":    "24daeb2a741af8036dbe2e8a0c24432a17338c358919743640711900e0c8dee6",
		"pinwheel":     "fdc860ee3e7c478914d9be9920c8ea9132da2ee083f53f3d581541c440742f4f",
		"2spirals":     "0f505d91fa6ae6b906cff000b4b1c34bb2d3db61b0bef148b1dc84f4fb8783c2",
	}
	for _, name := range PointSetNames() {
		d := openPoints(t, name, "train", 1000)
		if d.Fingerprint != want[name] {
			t.Errorf("%s: fingerprint %s, want %s", name, d.Fingerprint, want[name])
		}
		if other := openPoints(t, name, "test", 1000); slices.Equal(d.Values, other.Values) {
			t.Errorf("%s: the test split is the training split", name)
		}
	}
}

// TestPointsAreWhereTheyAreSaidToBe compares means and covariances with those that follow from the definitions.
func TestPointsAreWhereTheyAreSaidToBe(t *testing.T) {
	const n = 20_000
	within := math.Sqrt(0.1) // covariance of one of the Gaussians
	for _, tc := range []struct {
		name                 string
		meanX, meanY         float64
		varX, varY, largestX float64
	}{
		{"8gaussians", 0, 0, 12.5 + within, 12.5 + within, 8},
		// x = 3·(cos a or 1-cos a, + u) - 1 and y = 3·(sin a or 0.5-sin a, + u) - 1 with a on [0, π] and u on [0, 0.2].
		{"moons", 3*(0.5+0.1) - 1, 3*(0.25+0.1) - 1, 9 * (0.5 + 0.25 + 0.04/12), 9 * (0.5 - 1/math.Pi + 0.125 - 0.0625 + 0.04/12), 5.7},
		{"checkerboard", 0, 0, 16.0 / 3, 16.0 / 3, 4},
	} {
		d := openPoints(t, tc.name, "train", n)
		var sum, squares [2]float64
		for i, v := range d.Values {
			sum[i%2] += float64(v) / n
			squares[i%2] += float64(v) * float64(v) / n
			if i%2 == 0 && math.Abs(float64(v)) > tc.largestX {
				t.Errorf("%s: a point is at x = %v", tc.name, v)
			}
		}
		for k, want := range [][2]float64{{tc.meanX, tc.varX}, {tc.meanY, tc.varY}} {
			variance := squares[k] - sum[k]*sum[k]
			if math.Abs(sum[k]-want[0]) > 0.1 || math.Abs(variance-want[1]) > 0.03*want[1] {
				t.Errorf("%s, coordinate %d: mean %v and variance %v, want %v and %v", tc.name, k, sum[k], variance, want[0], want[1])
			}
		}
	}
}

func TestClassesArePlaces(t *testing.T) {
	for _, name := range PointSetNames() {
		d := openPoints(t, name, "train", 5000)
		count := make([]int, max(d.Classes, 1))
		for i, class := range d.Labels {
			count[class]++
			x, y := float64(d.Values[2*i]), float64(d.Values[2*i+1])
			switch name {
			case "8gaussians":
				sin, cos := math.Sincos(float64(class) * math.Pi / 4)
				if math.Hypot(x-5*cos, y-5*sin) > 3 {
					t.Fatalf("a point of Gaussian %d is at (%v, %v)", class, x, y)
				}
			case "checkerboard":
				if column, row := math.Floor(x/2)+2, math.Floor(y/2)+2; int(column) != int(class)/2 || int(column+row)%2 != 0 {
					t.Fatalf("a point of square %d is at (%v, %v)", class, x, y)
				}
			}
		}
		for class, n := range count {
			if share := float64(n) * float64(len(count)) / 5000; share < 0.85 || share > 1.15 {
				t.Errorf("%s: %d of 5000 points are of class %d", name, n, class)
			}
		}
	}
}

func TestEndlessPointsAreNewInEveryEpochAndTheSameAgain(t *testing.T) {
	fill := func(seed uint64, limit, step int) ([]float32, []int32) {
		l, err := NewLoader(openPoints(t, "moons", "train", limit), LoaderOptions{Seed: seed, BatchSize: 64, DropLast: true})
		if err != nil {
			t.Fatal(err)
		}
		values, labels := make([]float32, 128), make([]int32, 64)
		l.Fill(step, values, labels)
		return values, labels
	}
	points, labels := fill(1, 0, 5)
	again, labelsAgain := fill(1, 0, 5)
	if !slices.Equal(points, again) || !slices.Equal(labels, labelsAgain) {
		t.Error("a batch is not a function of seed and step")
	}
	for what, other := range map[string][3]int{"epoch": {1, 0, 5 + pointsEpoch/64}, "seed": {2, 0, 5}} {
		if values, _ := fill(uint64(other[0]), other[1], other[2]); slices.Equal(points, values) {
			t.Errorf("another %s has the same points", what)
		}
	}
	// With a limit there are so many points and no more.
	few := openPoints(t, "moons", "train", 64)
	values, _ := fill(1, 64, 9)
	if len(values) != len(few.Values) || !slices.Equal(slices.Sorted(slices.Values(values)), slices.Sorted(slices.Values(few.Values))) {
		t.Error("with data.limit other points are trained on than the first ones")
	}
}

func TestWithoutClassesEveryPointIsOfNone(t *testing.T) {
	l, err := NewLoader(openPoints(t, "swissroll", "train", 0), LoaderOptions{BatchSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	values, labels := make([]float32, 16), make([]int32, 8)
	if l.Fill(0, values, labels); !slices.Equal(labels, make([]int32, 8)) {
		t.Errorf("labels are %v, want 0: no class", labels)
	}
}

func openPoints(t *testing.T, name, split string, limit int) *Dataset {
	t.Helper()
	d, err := Open(t.Context(), Options{Name: name, Split: split, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
