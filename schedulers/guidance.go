package schedulers

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Guide is classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598) in the form most code uses:
// uncond + scale*(cond - uncond). It holds for every prediction type. scale is a scalar; scale 1 is cond
// and 0 is uncond.
func Guide(uncond, cond, scale *Node) *Node {
	return Add(uncond, Mul(scale, Sub(cond, uncond)))
}

// GuidanceMethods are the values of Guidance.Method, the default first.
func GuidanceMethods() []string { return []string{"cfg", cfgZeroStar} }

const cfgZeroStar = "cfg_zero_star"

// Guidance is how predictions with and without a class are combined, and when.
type Guidance struct {
	// Scale is the g of uncond + g*(cond - uncond). Below 0 it would lead away from the class: that is refused.
	Scale float64
	// Interval is the part of the steps that is guided, as fractions of their number: step j of S is
	// guided if floor(a*S) <= j < floor(b*S); the others use cond alone (Kynkäänniemi et al. 2024,
	// arXiv:2404.07724). The zero value guides all.
	Interval [2]float64
	// Method is "cfg" (or ""), or for flows "cfg_zero_star", which guides from the multiple of uncond that is nearest to cond
	// and takes the velocity of the first ZeroInitSteps steps for zero (Fan et al. 2025, arXiv:2503.18886).
	Method        string
	ZeroInitSteps int
	// Rescale, between 0 and 1, is how far the standard deviation of a guided prediction is brought back to that of cond.
	Rescale float64
}

// Validate reports what is out of range: a scale below 0 or that is not a finite number, an interval outside of
// 0 <= a < b <= 1, a rescale outside of [0, 1], an unknown method, and options of another.
func (g Guidance) Validate() error {
	var p Problems
	p.Check(isFinite(g.Scale) && g.Scale >= 0, "guidance", "must be a finite number, at least 0, got %v", g.Scale)
	if g.Interval != [2]float64{} {
		a, b := g.Interval[0], g.Interval[1]
		p.Check(a >= 0 && a < b && b <= 1, "guidance_interval", "must be [a, b] with 0 <= a < b <= 1, got [%v, %v]", a, b)
	}
	p.Check(g.Rescale >= 0 && g.Rescale <= 1, "guidance_rescale", "must be between 0 and 1, got %v", g.Rescale)
	if g.Method != "" {
		p.OneOf("guidance_method", g.Method, GuidanceMethods()...)
	}
	if g.Method == cfgZeroStar {
		p.Check(g.ZeroInitSteps >= 0, "zero_init_steps", "must not be negative, got %d", g.ZeroInitSteps)
	} else {
		p.Unset("zero_init_steps", g.ZeroInitSteps == 0, `guidance_method "cfg"`)
	}
	return p.err()
}

// ValidateFor reports what does not fit a process and a number of steps.
func (g Guidance) ValidateFor(process ProcessConfig, steps int) error {
	if err := g.Validate(); err != nil || g.Method != cfgZeroStar {
		return err
	}
	var p Problems
	p.Check(samplersOf(process.Name) == FlowMatch, "guidance_method", "%s is for the velocities of flows, which process %q does not predict",
		g.Method, process.Name)
	p.Check(steps > g.ZeroInitSteps, "zero_init_steps",
		"of %d leaves nothing of %d steps: take more steps, or guidance_method cfg", g.ZeroInitSteps, steps)
	return p.err()
}

// Combine is the guided prediction, of uncond and cond [batch, ...] and a scalar scale.
func (g Guidance) Combine(uncond, cond, scale *Node) *Node {
	if g.Method == cfgZeroStar {
		uncond = projected(uncond, cond)
	}
	guided := Guide(uncond, cond, scale)
	if g.Rescale > 0 {
		guided = rescaled(guided, cond, g.Rescale)
	}
	return guided
}

// Program tells apart what Combine computes: guidance of equal programs may share a compiled one.
func (g Guidance) Program() string { return fmt.Sprint(g.Method == cfgZeroStar, " ", g.Rescale) }

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

// GuidanceMode says which predictions a guided call needs.
type GuidanceMode int

// The modes of guidance.
const (
	CondOnly       GuidanceMode = iota // scale 1: one model call
	UncondOnly                         // scale 0: one model call
	CondUncond                         // any other scale: two
	ZeroPrediction                     // a step of ZeroInitSteps: none, the prediction is zero
)

// Calls is the number of model calls that a mode makes.
func (m GuidanceMode) Calls() int {
	switch m {
	case CondUncond:
		return 2
	case ZeroPrediction:
		return 0
	}
	return 1
}

// ModeAt is the cheapest mode for a step.
func (g Guidance) ModeAt(step, steps int) GuidanceMode {
	if step < g.ZeroInitSteps {
		return ZeroPrediction
	}
	switch g.ScaleAt(step, steps) {
	case 1:
		return CondOnly
	case 0:
		return UncondOnly
	default:
		return CondUncond
	}
}

// NFE is the number of model calls (network function evaluations) per sample of a plan with this guidance, where a call
// that needs both predictions counts as two.
func (g Guidance) NFE(p Plan) int {
	n := 0
	for _, e := range p.Calls {
		n += g.ModeAt(e.Step, p.Steps).Calls()
	}
	return n
}
