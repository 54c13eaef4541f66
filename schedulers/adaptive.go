package schedulers

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	. "github.com/gomlx/gomlx/core/graph"
)

// embedded is a Runge-Kutta method that estimates its own error: h times the sum of e times the slopes. Its last stage is
// where the step ends.
type embedded struct {
	tableau
	e []float64
}

// adaptive chooses the steps of a plan while it is carried out, as Hairer, Nørsett and Wanner do (Solving Ordinary
// Differential Equations I, section II.4): the root mean square over all values of error/(atol + rtol·|x|) stays below 1.
type adaptive struct {
	method         embedded
	rtol, atol     float64
	trainTimesteps int
}

// Limits of adaptive steps: how much the step size may change at once, how far below what would do it stays, and what a step
// or a run of them must not fall below or exceed. Half a unit in the last place of float32 is 6e-8.
const (
	safetyFactor     = 0.9
	smallestFactor   = 0.2
	largestFactor    = 10
	shortestStep     = 1e-6
	maxAdaptiveCalls = 20_000
)

// adaptiveRun is one run of an adaptive plan.
type adaptiveRun struct {
	*adaptive
	r       *Runner
	plan    Plan
	predict Predict
	step    int // of the plan
	calls   int // of the model
}

// runAdaptive is Run for an adaptive plan.
func (r *Runner) runAdaptive(ctx context.Context, plan Plan, sample *tensors.Tensor, predict Predict,
	observe Observe) (*tensors.Tensor, error) {
	a := &adaptiveRun{adaptive: plan.adaptive, r: r, plan: plan, predict: predict}
	x, h := sample, 0.0
	for ; a.step < plan.Steps; a.step++ {
		next, nextH, err := a.part(ctx, x, h)
		if x != sample {
			release([]*tensors.Tensor{x}, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("sampling step %d of %d (call %d): %w", a.step+1, plan.Steps, a.calls, err)
		}
		x, h = next, nextH
		if err := observe(a.step+1, x); err != nil {
			release([]*tensors.Tensor{x}, nil)
			return nil, err
		}
	}
	return x, nil
}

// part goes from one of the plan's times to the next, beginning with a step of size h, or with one that it finds if h is 0.
// It returns a new tensor, and the step size that it would go on with.
func (a *adaptiveRun) part(ctx context.Context, x *tensors.Tensor, h float64) (end *tensors.Tensor, nextH float64, err error) {
	t, until := a.plan.Times[a.step], a.plan.Times[a.step+1]
	given := x
	slope, err := a.velocity(ctx, x, t)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		release([]*tensors.Tensor{slope}, nil)
		if err != nil && x != given {
			release([]*tensors.Tensor{x}, nil)
		}
	}()
	if h == 0 {
		if h, err = a.firstStep(ctx, x, slope, t, until); err != nil {
			return nil, 0, err
		}
	}
	for rejected := false; t < until; {
		// What is left is not cut into a step and a crumb that float32 cannot tell from nothing.
		last := t+h >= until-shortestStep
		size := h
		if last {
			size = until - t
		}
		next, nextSlope, ratio, err := a.try(ctx, x, slope, t, size)
		if err != nil {
			return nil, 0, err
		}
		factor := math.Min(largestFactor, safetyFactor*math.Pow(ratio, -1/float64(a.method.order)))
		if ratio > 1 || math.IsNaN(ratio) {
			release([]*tensors.Tensor{next, nextSlope}, nil)
			if h, rejected = size*math.Max(smallestFactor, factor), true; math.IsNaN(ratio) {
				h = size * smallestFactor
			}
			if h < shortestStep {
				return nil, 0, fmt.Errorf("at t = %.6g the tolerances (rtol %g, atol %g) ask for steps shorter than %g: "+
					"they are more than float32 can give; raise rtol and atol", t, a.rtol, a.atol, shortestStep)
			}
			continue
		}
		if rejected {
			factor = math.Min(1, factor)
		}
		release([]*tensors.Tensor{slope}, nil)
		if x != given {
			release([]*tensors.Tensor{x}, nil)
		}
		x, slope, rejected = next, nextSlope, false
		if last {
			return x, math.Max(h, size*factor), nil
		}
		t, h = t+size, size*factor
	}
	return x, h, nil
}

// try makes one step of size h; the last slope is that at its end.
func (a *adaptiveRun) try(ctx context.Context, x, slope *tensors.Tensor, t, h float64) (next, last *tensors.Tensor,
	ratio float64, err error) {
	slopes := []*tensors.Tensor{slope}
	defer func() {
		if err != nil {
			release(append(slopes[1:], next), nil)
			return
		}
		release(slopes[1:len(slopes)-1], nil)
	}()
	for stage := 1; stage < len(a.method.c); stage++ {
		if next != nil {
			release([]*tensors.Tensor{next}, nil)
		}
		if next, err = a.combine(x, slopes, a.method.a[stage], h); err != nil {
			return nil, nil, 0, err
		}
		v, err := a.velocity(ctx, next, t+a.method.c[stage]*h)
		if err != nil {
			return nil, nil, 0, err
		}
		slopes = append(slopes, v)
	}
	estimate, err := a.combine(nil, slopes, a.method.e, h)
	if err != nil {
		return nil, nil, 0, err
	}
	defer estimate.MustFinalizeAll()
	if ratio, err = a.norm(estimate, x, next); err != nil {
		return nil, nil, 0, err
	}
	return next, slopes[len(slopes)-1], ratio, nil
}

// firstStep guesses a step size as Hairer, Nørsett and Wanner do, for one more call.
func (a *adaptiveRun) firstStep(ctx context.Context, x, slope *tensors.Tensor, t, until float64) (float64, error) {
	d0, err := a.norm(x, x, x)
	if err != nil {
		return 0, err
	}
	d1, err := a.norm(slope, x, x)
	if err != nil {
		return 0, err
	}
	h0 := 1e-6
	if d0 >= 1e-5 && d1 >= 1e-5 {
		h0 = 0.01 * d0 / d1
	}
	h0 = math.Min(h0, until-t)
	ahead, err := a.combine(x, []*tensors.Tensor{slope}, []float64{1}, h0)
	if err != nil {
		return 0, err
	}
	defer ahead.MustFinalizeAll()
	slopeAhead, err := a.velocity(ctx, ahead, t+h0)
	if err != nil {
		return 0, err
	}
	defer slopeAhead.MustFinalizeAll()
	change, err := a.combine(nil, []*tensors.Tensor{slope, slopeAhead}, []float64{-1, 1}, 1)
	if err != nil {
		return 0, err
	}
	defer change.MustFinalizeAll()
	d2, err := a.norm(change, x, x)
	if err != nil {
		return 0, err
	}
	d2 /= h0
	h1 := math.Max(1e-6, h0*1e-3)
	if d1 > 1e-15 || d2 > 1e-15 {
		h1 = math.Pow(0.01/math.Max(d1, d2), 1/float64(a.method.order))
	}
	return math.Min(math.Min(100*h0, h1), until-t), nil
}

// velocity calls the model.
func (a *adaptiveRun) velocity(ctx context.Context, x *tensors.Tensor, t float64) (*tensors.Tensor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if a.calls == maxAdaptiveCalls {
		return nil, fmt.Errorf("at t = %.6g the model has been called %d times: raise rtol and atol (%g, %g)", t, a.calls, a.rtol, a.atol)
	}
	v, err := a.predict(ctx, x, Call{Index: a.calls, Step: a.step, Timestep: float64(a.trainTimesteps) * t})
	a.calls++
	if err != nil {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	if err := checkPrediction(v, x); err != nil {
		return nil, err
	}
	return v, nil
}

// combine returns base + h·sum of weights*slopes; without a base the sum alone.
func (a *adaptiveRun) combine(base *tensors.Tensor, slopes []*tensors.Tensor, weights []float64, h float64) (*tensors.Tensor, error) {
	scaled := make([]float64, len(slopes))
	for i := range scaled {
		scaled[i] = h * weights[i]
	}
	if base != nil {
		return a.r.combination.Call1(combinationInputs(base, slopes, scaled)...)
	}
	return a.r.sum.Call1(combinationInputs(slopes[0], slopes, scaled)...)
}

// norm is the root mean square of values/(atol + rtol·max(|x|, |y|)).
func (a *adaptiveRun) norm(values, x, y *tensors.Tensor) (float64, error) {
	out, err := a.r.norm.Call1([]float32{float32(a.atol), float32(a.rtol)}, values, x, y)
	if err != nil {
		return 0, err
	}
	defer out.MustFinalizeAll()
	return float64(tensors.ToScalar[float32](out)), nil
}

// sumGraph takes what combinationGraph takes, and leaves out the base.
func sumGraph(inputs []*Node) *Node {
	zero := ZerosLike(inputs[1])
	return combinationGraph(append([]*Node{inputs[0], zero}, inputs[2:]...))
}

// normGraph takes the tolerances [atol, rtol], values and two samples.
func normGraph(tolerances, values, x, y *Node) *Node {
	scale := Add(element(tolerances, 0), Mul(element(tolerances, 1), Max(Abs(x), Abs(y))))
	return Sqrt(ReduceAllMean(Square(Div(values, scale))))
}
