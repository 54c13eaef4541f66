package schedulers

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Guide is classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598) in the form most code uses:
// uncond + scale*(cond - uncond). It holds for every prediction type. scale is a scalar; scale 1 is cond
// and 0 is uncond.
func Guide(uncond, cond, scale *Node) *Node {
	return Add(uncond, Mul(scale, Sub(cond, uncond)))
}

// Guidance is a guidance scale and when it applies.
type Guidance struct {
	// Scale is the g of uncond + g*(cond - uncond).
	Scale float64
	// Interval is the part of the steps that is guided, as fractions of their number: step j of S is
	// guided if floor(a*S) <= j < floor(b*S); the others use cond alone (Kynkäänniemi et al. 2024,
	// arXiv:2404.07724). The zero value guides all.
	Interval [2]float64
}

// Validate reports a scale that is not a finite number, or an interval outside of 0 <= a < b <= 1.
func (g Guidance) Validate() error {
	var p Problems
	p.Check(isFinite(g.Scale), "guidance", "must be a finite number, got %v", g.Scale)
	if g.Interval != [2]float64{} {
		a, b := g.Interval[0], g.Interval[1]
		p.Check(a >= 0 && a < b && b <= 1, "guidance_interval", "must be [a, b] with 0 <= a < b <= 1, got [%v, %v]", a, b)
	}
	return p.err()
}

// ScaleAt is the scale at a step: Scale inside of the interval, 1 (cond alone) outside.
func (g Guidance) ScaleAt(step, steps int) float64 {
	if g.Interval == [2]float64{} {
		return g.Scale
	}
	from, to := math.Floor(g.Interval[0]*float64(steps)), math.Floor(g.Interval[1]*float64(steps))
	if j := float64(step); from <= j && j < to {
		return g.Scale
	}
	return 1
}

// GuidanceMode says which predictions a guided evaluation needs.
type GuidanceMode int

// The modes of guidance.
const (
	CondOnly   GuidanceMode = iota // scale 1: one model evaluation
	UncondOnly                     // scale 0: one model evaluation
	CondUncond                     // any other scale: two
)

// ModeAt is the cheapest mode for a step.
func (g Guidance) ModeAt(step, steps int) GuidanceMode {
	switch g.ScaleAt(step, steps) {
	case 1:
		return CondOnly
	case 0:
		return UncondOnly
	default:
		return CondUncond
	}
}

// Evaluations is the number of model evaluations that a mode makes.
func (m GuidanceMode) Evaluations() int {
	if m == CondUncond {
		return 2
	}
	return 1
}

// NFE is the number of model evaluations per sample of a plan with this guidance, where an evaluation
// that needs both predictions counts as two.
func (g Guidance) NFE(p Plan) int {
	n := 0
	for _, e := range p.Evaluations {
		n += g.ModeAt(e.Step, p.Steps).Evaluations()
	}
	return n
}
