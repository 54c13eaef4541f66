package metrics

import (
	"fmt"
	"math"
	"slices"

	"flowharness/metrics/assignment"
)

// MostAssigned is how many points of each kind [Wasserstein] assigns: a matrix of their distances is kept.
const MostAssigned = 4096

// Points are samples in the plane, and what they are compared with. All are [n, 2].
type Points struct {
	Generated, Reference *Features
	// Begun are what the samples began with, one each; nil if it is not known.
	Begun *Features
	// Classes are those asked for of Generated and ReferenceClasses those of Reference, 0 … 255; nil if there are none.
	Classes, ReferenceClasses []uint8
}

// Wasserstein is the 2-Wasserstein distance of as many points of two sets, the first of the larger one: the root of the mean
// squared distance under the best assignment, which is found exactly. It has the unit of the points. Of finite sets of one
// distribution it is not 0, but falls with their size: hold it against that of two draws of the data. It is an error if there
// are none, or more than [MostAssigned].
func Wasserstein(x, y *Features) (float64, error) {
	if err := checkPair(x, y); err != nil {
		return 0, err
	}
	n := min(x.N, y.N)
	if n == 0 || n > MostAssigned {
		return 0, fmt.Errorf("the exact distance of %d points: it takes 1 to %d", n, MostAssigned)
	}
	cost := make([]float32, n*n)
	forRows(n, func(i int) {
		for j := range n {
			cost[i*n+j] = float32(distanceSquared(x.Row(i), y.Row(j)))
		}
	})
	columns, err := assignment.Solve(cost, n)
	if err != nil {
		return 0, err
	}
	var sum float64
	for i, j := range columns {
		sum += distanceSquared(x.Row(i), y.Row(j))
	}
	return math.Sqrt(sum / float64(n)), nil
}

// slices of the plane that [SlicedWasserstein] takes.
const planeSlices = 128

// SlicedWasserstein is the root of the mean of the squared 2-Wasserstein distances of two sets of points in the plane, seen
// along 128 directions that are equally far from each other (Rabin et al. 2011): of one direction it is that of the sorted
// places. Of two sets that differ by a shift it is 1/√2 of the shift. It takes as many of each set, the first.
func SlicedWasserstein(x, y *Features) (float64, error) {
	if err := checkPair(x, y); err != nil {
		return 0, err
	}
	n := min(x.N, y.N)
	if n == 0 || x.D != 2 {
		return 0, fmt.Errorf("the sliced distance takes points in the plane, not %d of %d values", n, x.D)
	}
	sums := make([]float64, planeSlices)
	forRows(planeSlices, func(k int) {
		sin, cos := math.Sincos(math.Pi * float64(k) / planeSlices)
		along := func(f *Features) []float64 {
			places := make([]float64, n)
			for i := range places {
				row := f.Row(i)
				places[i] = cos*float64(row[0]) + sin*float64(row[1])
			}
			slices.Sort(places)
			return places
		}
		a, b := along(x), along(y)
		for i := range a {
			sums[k] += (a[i] - b[i]) * (a[i] - b[i]) / float64(n)
		}
	})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return math.Sqrt(sum / planeSlices), nil
}

// mmdBandwidths are those of the kernel of [GaussianMMD], the ones that torchcfm's measurements take.
var mmdBandwidths = [...]float64{0.01, 0.1, 1, 10, 100}

// GaussianMMD is the squared maximum mean discrepancy of two sets of points under the kernel Σ exp(-‖x-y‖²/(2σ²)) with
// σ = 0.01, 0.1, 1, 10 and 100, by the unbiased estimate (Gretton et al. 2012, JMLR 13, lemma 6): about 0 for sets of one
// distribution, and sometimes below. It takes as many of each, at most the first [MostAssigned], and at least two.
func GaussianMMD(x, y *Features) (float64, error) {
	if err := checkPair(x, y); err != nil {
		return 0, err
	}
	n := min(x.N, y.N, MostAssigned)
	if n < 2 {
		return 0, fmt.Errorf("the kernel distance of %d points: it takes 2", n)
	}
	rows := make([]float64, n)
	forRows(n, func(i int) {
		for j := range n {
			if j > i {
				rows[i] += 2 * (gaussians(x.Row(i), x.Row(j)) + gaussians(y.Row(i), y.Row(j))) / float64(n-1)
			}
			rows[i] -= 2 * gaussians(x.Row(i), y.Row(j)) / float64(n)
		}
	})
	var sum float64
	for _, row := range rows {
		sum += row
	}
	return sum / float64(n), nil
}

func gaussians(x, y []float32) (k float64) {
	squared := distanceSquared(x, y)
	for _, sigma := range mmdBandwidths {
		if exponent := squared / (2 * sigma * sigma); exponent < 700 {
			k += math.Exp(-exponent)
		}
	}
	return k
}

// withinClasses is the root of the mean over classes of the squared distances of their points, each class as often as it was
// asked for: the 2-Wasserstein distance where a point may only be assigned to one of its class.
func (p *Points) withinClasses() (float64, string, error) {
	var sum, total float64
	for class := range 256 {
		x, y := ofClass(p.Generated, p.Classes, class), ofClass(p.Reference, p.ReferenceClasses, class)
		if x.N == 0 {
			continue
		}
		if n := min(x.N, y.N); n == 0 || n > MostAssigned {
			return 0, fmt.Sprintf("not defined for %d points of class %d", n, class), nil
		}
		w, err := Wasserstein(x, y)
		if err != nil {
			return 0, "", err
		}
		sum += float64(x.N) * w * w
		total += float64(x.N)
	}
	if total == 0 {
		return 0, "not defined without points", nil
	}
	return math.Sqrt(sum / total), "", nil
}

func ofClass(f *Features, classes []uint8, class int) *Features {
	some := &Features{D: f.D}
	for i, c := range classes {
		if int(c) == class && i < f.N {
			some.Data = append(some.Data, f.Row(i)...)
			some.N++
		}
	}
	return some
}

var pointsFamily = family{
	// The points of the test split take the place of a classifier: values of other data mean other things.
	metrics: []Metric{
		{Name: "w2", Better: Lower, Classifier: true, DependsOnCount: true, Unit: "units of the data", Low: 0, High: inf,
			Description: "exact 2-Wasserstein distance of points to as many of the test split, at most 4096"},
		{Name: "w2_sliced", Better: Lower, Classifier: true, DependsOnCount: true, Unit: "units of the data", Low: 0, High: inf,
			Description: "the same seen along 128 directions, of any number of points"},
		{Name: "mmd_gaussian", Better: Lower, Classifier: true, Low: -inf, High: inf,
			Description: "squared maximum mean discrepancy of points to the test split, Gaussian kernels with σ = 0.01, 0.1, 1, 10, 100"},
		{Name: "w2_within_classes", Better: Lower, Classifier: true, DependsOnCount: true, Unit: "units of the data", Low: 0, High: inf,
			Description: "2-Wasserstein distance of points to those of the class asked for"},
		{Name: "path_energy", Better: Lower, Classifier: true, Unit: "squared units of the data", Low: 0, High: inf,
			Description: "∫E‖v‖²dt of the points' paths (at least the squared distance of what they begin with to the data)"},
		{Name: "normalized_path_energy", Better: Lower, Classifier: true, DependsOnCount: true, Low: 0, High: inf,
			Description: "the path energy's distance from the squared w2 of what paths begin with to the data, by the latter (0: optimal " +
				"transport)"},
	},
	compute: func(in *Input) ([]Value, error) {
		if in.Points == nil {
			return nil, nil
		}
		return in.Points.values(in.Straightness)
	},
}

func (p *Points) values(paths *Straightness) ([]Value, error) {
	if err := checkPair(p.Reference, p.Generated); err != nil {
		return nil, err
	}
	n := min(p.Generated.N, p.Reference.N)
	w2, err := undefined("w2", n, 1, MostAssigned).of(func() (float64, error) { return Wasserstein(p.Generated, p.Reference) })
	if err != nil {
		return nil, err
	}
	sliced, err := undefined("w2_sliced", n, 1, math.MaxInt).of(func() (float64, error) { return SlicedWasserstein(p.Generated, p.Reference) })
	if err != nil {
		return nil, err
	}
	mmd, err := undefined("mmd_gaussian", n, 2, math.MaxInt).of(func() (float64, error) { return GaussianMMD(p.Generated, p.Reference) })
	if err != nil {
		return nil, err
	}
	values := []Value{w2, sliced, mmd}
	if p.Classes != nil && p.ReferenceClasses != nil {
		within := value("w2_within_classes")
		distance, note, err := p.withinClasses()
		if err != nil {
			return nil, err
		}
		if within.Note = note; note == "" {
			within.Value = distance
		}
		values = append(values, within)
	}
	if paths == nil {
		return values, nil
	}
	energy, normalized := value("path_energy"), value("normalized_path_energy")
	r := paths.Result()
	energy.Value, energy.StdErr = r.Energy, r.EnergyStdErr
	if r.N == 0 {
		energy.Note = "not defined without trajectories"
	}
	values = append(values, energy)
	if p.Begun == nil {
		return values, nil
	}
	normalized, err = undefined(normalized.Name, min(n, p.Begun.N, r.N), 1, MostAssigned).of(func() (float64, error) {
		least, err := Wasserstein(p.Begun, p.Reference)
		return math.Abs(r.Energy-least*least) / (least * least), err
	})
	return append(values, normalized), err
}

// undefined is a value with a note why so many points have none, if they do not.
func undefined(name string, n, least, most int) Value {
	v := value(name)
	switch {
	case n < least:
		v.Note = fmt.Sprintf("not defined for %d points: it takes %d of each kind", n, least)
	case n > most:
		v.Note = fmt.Sprintf("not computed for %d points: it takes at most %d; see w2_sliced", n, most)
	}
	return v
}

// of computes a value that has no such note.
func (v Value) of(compute func() (float64, error)) (Value, error) {
	if v.Note != "" {
		return v, nil
	}
	var err error
	v.Value, err = compute()
	return v, err
}
