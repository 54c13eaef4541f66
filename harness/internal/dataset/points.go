package dataset

import (
	"context"
	"math"
	"math/rand/v2"

	"flowharness/harness/internal/random"
)

// Points is a distribution of points in the plane: an endless dataset, which is drawn by the program and whose samples are
// their two coordinates, [1, 1, 2], as they are and not scaled.
//
// Training sees new points in every epoch, an exact function of the run's seed. The first points of a split, for
// validation, measuring and pictures, are a function of (split, index) alone, as those of data.limit are.
type Points struct {
	ID      string
	Classes int // 0: it has none
	// point draws a point and its class.
	point func(rng *rand.Rand) (x, y float64, class int)
}

const (
	pointsSeed  = 20250301 // of the first points of a split; a change makes other datasets
	pointsEpoch = 60_000   // points in what counts as an epoch
	pointsTest  = 10_000
)

// pointSets are the distributions of points, in the order they are shown.
var pointSets = []Points{
	{ID: "8gaussians", Classes: 8, point: eightGaussians},
	{ID: "moons", Classes: 2, point: moons},
	{ID: "checkerboard", Classes: 8, point: checkerboard},
	{ID: "swissroll", point: swissRoll},
	{ID: "pinwheel", Classes: 5, point: pinwheel},
	{ID: "2spirals", Classes: 2, point: twoSpirals},
}

// PointSet returns the distribution of points of a name, if it is that of one.
func PointSet(name string) (Points, bool) {
	for _, p := range pointSets {
		if p.ID == name {
			return p, true
		}
	}
	return Points{}, false
}

// PointSetNames lists the distributions of points.
func PointSetNames() []string {
	var names []string
	for _, p := range pointSets {
		names = append(names, p.ID)
	}
	return names
}

// Name is the dataset's name in configs.
func (p Points) Name() string { return p.ID }

// Spec is the shape of the points.
func (p Points) Spec() Spec {
	return Spec{Height: 1, Width: 1, Channels: 2, Classes: p.Classes, Train: pointsEpoch, Test: pointsTest, Points: true}
}

// Locate says that the program draws them.
func (Points) Locate(string) Location { return Location{Present: true} }

// Open draws the first points of a split. The training split goes on for ever, unless there is a limit.
func (p Points) Open(_ context.Context, _, split string, limit int) (*Dataset, error) {
	d := &Dataset{N: p.Spec().Images(split)}
	if limit > 0 {
		d.N = limit
	} else if split == "train" {
		d.endless = &p
	}
	d.Values, d.Labels = make([]float32, 2*d.N), make([]uint8, d.N)
	for i := range d.N {
		class := p.Draw(random.New(pointsSeed, "points/"+p.ID+"/"+split, uint64(i)), d.Values[2*i:2*i+2])
		d.Labels[i] = uint8(class)
	}
	return d, nil
}

// Draw writes a point to dst [2] and returns its class; 0 where there are none.
func (p Points) Draw(rng *rand.Rand, dst []float32) (class int) {
	x, y, class := p.point(rng)
	dst[0], dst[1] = float32(x), float32(y)
	return class
}

// The products below are rounded before they are added: on machines that add a product in one operation the points are the
// same.

// eightGaussians are eight normal distributions around a circle of radius 5, in the scale of torchcfm (Tong et al. 2024,
// arXiv:2302.00482), whose var: 0.1 is a covariance of √0.1. Class 0 is at angle 0; classes go round.
func eightGaussians(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(8)
	deviation := math.Sqrt(math.Sqrt(0.1))
	sin, cos := math.Sincos(float64(class) * math.Pi / 4)
	return float64(5*cos) + float64(deviation*rng.NormFloat64()), float64(5*sin) + float64(deviation*rng.NormFloat64()), class
}

// moons are two half circles, in the scale of torchcfm: those of scikit-learn, moved along the diagonal by up to 0.2, times
// 3, minus 1.
func moons(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(2)
	sin, cos := math.Sincos(math.Pi * rng.Float64())
	if class == 1 {
		cos, sin = 1-cos, 0.5-sin
	}
	along := 0.2 * rng.Float64()
	return float64(3*(cos+along)) - 1, float64(3*(sin+along)) - 1, class
}

// checkerboard is uniform on eight squares of a board of 4×4 between -4 and 4, as in FFJORD (Grathwohl et al. 2019,
// arXiv:1810.01367). Classes are the squares, column by column.
func checkerboard(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(8)
	column, row := class/2, class%2*2+class/2%2
	return float64(2*(float64(column)+rng.Float64())) - 4, float64(2*(float64(row)+rng.Float64())) - 4, class
}

// swissRoll is scikit-learn's with a noise of 1, seen along its axis and divided by 5, as in FFJORD.
func swissRoll(rng *rand.Rand) (x, y float64, class int) {
	t := 1.5 * math.Pi * (1 + 2*rng.Float64())
	sin, cos := math.Sincos(t)
	return (float64(t*cos) + rng.NormFloat64()) / 5, (float64(t*sin) + rng.NormFloat64()) / 5, 0
}

// pinwheel is five bent arms, as in FFJORD: deviations of 0.3 along an arm and 0.1 across it, and a rate of 0.25.
func pinwheel(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(5)
	along, across := 1+float64(0.3*rng.NormFloat64()), 0.1*rng.NormFloat64()
	sin, cos := math.Sincos(float64(2*math.Pi/5*float64(class)) + float64(0.25*math.Exp(along)))
	return 2 * (float64(along*cos) + float64(across*sin)), 2 * (float64(across*cos) - float64(along*sin)), class
}

// twoSpirals are two arms of one and a half turns, as in FFJORD.
func twoSpirals(rng *rand.Rand) (x, y float64, class int) {
	class = rng.IntN(2)
	t := 3 * math.Pi * math.Sqrt(rng.Float64())
	sin, cos := math.Sincos(t)
	x, y = (float64(0.5*rng.Float64())-float64(cos*t))/3, (float64(0.5*rng.Float64())+float64(sin*t))/3
	if class == 1 {
		x, y = -x, -y
	}
	return x + float64(0.1*rng.NormFloat64()), y + float64(0.1*rng.NormFloat64()), class
}
