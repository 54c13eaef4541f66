package compare

import (
	"math"
	"slices"
	"strconv"

	"flowharness/harness/internal/dataset"
)

// Axis is what losses of runs are set beside each other by.
type Axis string

// The axes: a step of one run is as much work as a step of another where their
// batches are of one size; if they are not, the same number of images is.
const (
	BySteps   Axis = "step"
	ByImages  Axis = "images" // training images seen, each as often as it was
	BySeconds Axis = "time"   // spent in training steps
)

// At is where a point of a curve lies on an axis; NaN where that is not known.
func (p CurvePoint) At(axis Axis) float64 {
	switch {
	case axis == BySteps:
		return float64(p.Step)
	case axis == BySeconds:
		return float64(p.Seconds)
	case p.Images > 0:
		return float64(p.Images)
	}
	return math.NaN()
}

// Axes are those by which the runs are compared. By images seen only if their
// batches are of several sizes: it would say what the steps do.
func (r *Result) Axes() []Axis {
	if len(r.BatchSizes) > 1 {
		return []Axis{BySteps, ByImages, BySeconds}
	}
	return []Axis{BySteps, BySeconds}
}

// diet says how many training images a run sees in a step.
type diet struct {
	batch    int  // 0: not known
	images   int  // of an epoch; 0: not known
	dropLast bool // an epoch's last, smaller batch
}

func dietOf(r Record) diet {
	return diet{whole(r.Config["train.batch_size"]), whole(r.Environment["dataset.images"]), r.Config["data.drop_last"] != "false"}
}

// whole is 0 for what is no whole number.
func whole(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// seen is the number of images seen by the end of a step; 0 where it is not
// known.
func (d diet) seen(step int) int {
	if d.dropLast || d.images <= 0 || d.batch <= 0 {
		return step * d.batch
	}
	steps := dataset.StepsPerEpoch(d.images, d.batch, d.dropLast)
	return step/steps*d.images + step%steps*d.batch
}

// batchSizes are those of the runs, each once.
func batchSizes(records []Record) []int {
	sizes := []int{}
	for _, r := range records {
		if batch := dietOf(r).batch; batch > 0 && !slices.Contains(sizes, batch) {
			sizes = append(sizes, batch)
		}
	}
	slices.Sort(sizes)
	return sizes
}
