package metrics

import (
	"fmt"
	"math"
	"strconv"
)

// LossBins is the number of bins of a [BinnedLoss]'s timesteps.
const LossBins = 10

// BinnedLoss accumulates a model's loss on the test split by the timestep at
// which it was taken: bin i holds the times in [i/10, (i+1)/10), the last one 1
// as well. Take the timesteps and the noise from a fixed seed, so that every
// model is asked the same.
type BinnedLoss struct {
	losses [LossBins][]float64
}

// Add takes the loss of one image at time t, 0 … 1 on the process's own scale
// (a timestep by the number of timesteps).
func (b *BinnedLoss) Add(t, loss float64) error {
	if !(t >= 0 && t <= 1) {
		return fmt.Errorf("time %v is not between 0 and 1", t)
	}
	bin := min(int(t*LossBins), LossBins-1)
	b.losses[bin] = append(b.losses[bin], loss)
	return nil
}

// Mean is the mean over everything added, with its standard error over images.
func (b *BinnedLoss) Mean() (mean, stdErr float64) {
	var all []float64
	for _, losses := range b.losses {
		all = append(all, losses...)
	}
	return meanAndStdErr(all)
}

// Bin is the same of one bin, 0 … LossBins-1; NaN where it holds nothing.
func (b *BinnedLoss) Bin(i int) (mean, stdErr float64) { return meanAndStdErr(b.losses[i]) }

var lossFamily = family{
	metrics: []Metric{
		{Name: "val/loss", Better: Lower, Unit: "squared units of the model's target", Low: 0, High: inf,
			Description: "loss on the test split at fixed timesteps and noise; of one process and target only"},
		{Name: "val/loss_bin_{bin}", Better: Lower, Unit: "squared units of the model's target", Low: 0, High: inf,
			Description: "the same for a tenth of the timesteps, 0 … 9"},
	},
	compute: func(in *Input) ([]Value, error) {
		if in.Loss == nil {
			return nil, nil
		}
		all := value("val/loss")
		all.Value, all.StdErr = in.Loss.Mean()
		values := []Value{all}
		for bin := range LossBins {
			v := value("val/loss_bin_" + strconv.Itoa(bin))
			v.Value, v.StdErr = in.Loss.Bin(bin)
			values = append(values, v)
		}
		for i, v := range values {
			switch {
			case math.IsNaN(v.Value) && math.IsNaN(v.StdErr) && in.Loss.empty(i-1):
				values[i].Note = "no timestep fell here"
			case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
				values[i].Note = "a loss is not finite"
			}
		}
		return values, nil
	},
}

// empty tells whether a bin holds nothing; bin -1 stands for all.
func (b *BinnedLoss) empty(bin int) bool {
	if bin >= 0 {
		return len(b.losses[bin]) == 0
	}
	for _, losses := range b.losses {
		if len(losses) > 0 {
			return false
		}
	}
	return true
}
