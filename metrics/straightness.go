package metrics

import (
	"fmt"
	"math"
)

// Straightness accumulates how far sampling trajectories are from straight
// lines. It sees each batch's samples before and after every step of a sampler,
// whichever that is, and [Straightness.End] closes the batch; it keeps the
// batch's first samples and three numbers per trajectory.
//
// With time running from 0 to 1 over the trajectory and the velocity of a step
// taken as its displacement by its duration, the straightness of a trajectory is
//
//	S = ∫₀¹ ‖(x(1) - x(0)) - v(x(t), t)‖² dt
//
// (Liu et al. 2022, "Flow Straight and Fast", arXiv:2209.03003, section 2.2; it
// is 0 if and only if the trajectory is straight and run at constant speed). One
// step is always straight: compare equal numbers of steps. A sampler that adds
// noise takes a crooked way by its nature, and diffusion's own ODE changes
// speed along the way.
type Straightness struct {
	dim  int
	done []trajectory

	// The batch under way.
	start, last []float32 // its first and latest samples, [n, dim]
	energy      []float64 // Σ ‖Δx‖²/Δt
	length      []float64 // Σ ‖Δx‖
	duration    float64   // Σ Δt
}

// trajectory is what is kept of one.
type trajectory struct {
	straightness float64 // S, in squared units of the sample, summed over its values
	distance     float64 // ‖x(1) - x(0)‖
	length       float64 // Σ ‖Δx‖
	energy       float64 // ∫‖v(x(t), t)‖² dt
}

// NewStraightness accumulates trajectories of samples of dim values.
func NewStraightness(dim int) *Straightness { return &Straightness{dim: dim} }

// Step takes the samples of a batch [n, dim] before and after a step of
// duration dt; only the steps' proportions count, and the sign of dt does not.
// It is an error if the number of samples changes within a batch, if dt is 0 or
// not finite, or if a value is not finite.
func (s *Straightness) Step(before, after []float32, dt float64) error {
	dt = math.Abs(dt)
	switch {
	case s.dim < 1 || len(before) == 0 || len(before)%s.dim != 0:
		return fmt.Errorf("%d values are no whole number of samples of %d values", len(before), s.dim)
	case len(before) != len(after):
		return fmt.Errorf("there are %d values before the step and %d after it", len(before), len(after))
	case s.start != nil && len(before) != len(s.start):
		return fmt.Errorf("the batch began with %d samples and now has %d: end it first", len(s.start)/s.dim, len(before)/s.dim)
	case dt == 0 || math.IsNaN(dt) || math.IsInf(dt, 0):
		return fmt.Errorf("a step of duration %v has no velocity", dt)
	}
	for _, values := range [][]float32{before, after} {
		if i := firstNotFinite(values); i >= 0 {
			return fmt.Errorf("value %d of sample %d is %v", i%s.dim, i/s.dim, values[i])
		}
	}
	n := len(before) / s.dim
	if s.start == nil {
		s.start = append(s.start, before...)
		s.energy, s.length, s.duration = make([]float64, n), make([]float64, n), 0
	}
	for i := range n {
		squared := distanceSquared(before[i*s.dim:(i+1)*s.dim], after[i*s.dim:(i+1)*s.dim])
		s.energy[i] += squared / dt
		s.length[i] += math.Sqrt(squared)
	}
	s.duration += dt
	s.last = append(s.last[:0], after...)
	return nil
}

// End closes the trajectories of a batch, after its last step.
func (s *Straightness) End() {
	for i := range s.energy {
		squared := distanceSquared(s.start[i*s.dim:(i+1)*s.dim], s.last[i*s.dim:(i+1)*s.dim])
		// With T the whole duration, ∫‖Δ - v‖² = T·Σ‖Δx‖²/Δt - ‖Δ‖², for the mean
		// of v is Δ; it is at least 0 by Cauchy-Schwarz.
		s.done = append(s.done, trajectory{
			straightness: max(s.duration*s.energy[i]-squared, 0),
			distance:     math.Sqrt(squared),
			length:       s.length[i],
			energy:       s.duration * s.energy[i],
		})
	}
	s.start, s.last, s.energy, s.length = nil, nil, nil, nil
}

// StraightnessResult is the mean over trajectories.
type StraightnessResult struct {
	N int // trajectories

	// Raw is the mean of S, in squared units of the sample, summed over its
	// values; at least 0.
	Raw, RawStdErr float64
	// Relative is the mean of S/‖x(1)-x(0)‖²: it has no unit and does not depend
	// on the size of the image.
	Relative, RelativeStdErr float64
	// PathRatio is the mean of the way's length by the distance of its ends, at
	// least 1; 1 for a straight way at whatever speed.
	PathRatio, PathRatioStdErr float64
	// Energy is the mean of ∫‖v‖²dt, in squared units of the sample: the path energy of Tong et al. 2024
	// (arXiv:2302.00482). No paths between two distributions have less than their squared 2-Wasserstein distance.
	Energy, EnergyStdErr float64
	// Closed are trajectories that end where they began, which have no Relative
	// and no PathRatio.
	Closed int
}

// Result is the mean over the trajectories of all ended batches, with standard
// errors over trajectories; NaN where there are none.
func (s *Straightness) Result() StraightnessResult {
	r := StraightnessResult{N: len(s.done)}
	var raw, relative, ratio, energy []float64
	for _, t := range s.done {
		raw = append(raw, t.straightness)
		energy = append(energy, t.energy)
		if t.distance == 0 {
			r.Closed++
			continue
		}
		relative = append(relative, t.straightness/(t.distance*t.distance))
		ratio = append(ratio, max(t.length/t.distance, 1))
	}
	r.Raw, r.RawStdErr = meanAndStdErr(raw)
	r.Energy, r.EnergyStdErr = meanAndStdErr(energy)
	r.Relative, r.RelativeStdErr = meanAndStdErr(relative)
	r.PathRatio, r.PathRatioStdErr = meanAndStdErr(ratio)
	return r
}

// distanceSquared is ‖x - y‖².
func distanceSquared(x, y []float32) float64 {
	var sum float64
	for i, v := range x {
		d := float64(v) - float64(y[i])
		sum += d * d
	}
	return sum
}

var straightnessFamily = family{
	metrics: []Metric{
		{Name: "straightness", Better: Lower, Unit: "squared sample units", Low: 0, High: inf,
			Description: "mean squared distance of the velocity from the straight way's (0: straight, at constant speed)"},
		{Name: "straightness_relative", Better: Lower, Low: 0, High: inf,
			Description: "the same by the squared distance of the trajectory's ends"},
		{Name: "path_ratio", Better: Lower, Low: 1, High: inf,
			Description: "length of the trajectory by the distance of its ends (1: straight)"},
	},
	compute: func(in *Input) ([]Value, error) {
		if in.Straightness == nil {
			return nil, nil
		}
		r := in.Straightness.Result()
		values := []Value{
			{Name: "straightness", Value: r.Raw, StdErr: r.RawStdErr},
			{Name: "straightness_relative", Value: r.Relative, StdErr: r.RelativeStdErr},
			{Name: "path_ratio", Value: r.PathRatio, StdErr: r.PathRatioStdErr},
		}
		for i := range values {
			switch {
			case r.N == 0:
				values[i].Note = "not defined without trajectories"
			case r.Closed > 0 && i > 0:
				values[i].Note = fmt.Sprintf("%d of %d trajectories end where they began and are left out", r.Closed, r.N)
			}
		}
		return values, nil
	},
}
