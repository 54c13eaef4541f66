package schedulers

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// runGaussian samples from toyStart with the velocity of Gaussian data, and counts the calls.
func runGaussian(t *testing.T, runner *Runner, plan Plan) (end []float32, calls int) {
	t.Helper()
	end = runToy(t, runner, plan, func(x, timestep float64) float64 {
		calls++
		return gaussianVelocity(x, timestep/1000)
	})
	return end, calls / len(toyStart)
}

// TestDopri5TakesTheStepsOfScipy: the steps that scipy's RK45 takes, and where it ends.
func TestDopri5TakesTheStepsOfScipy(t *testing.T) {
	raw, err := os.ReadFile("testdata/dopri5.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Source string
		Start  []float32
		Cases  []struct {
			Rtol, Atol float64
			End        []float32
			Calls      int `json:"evaluations"`
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil || len(golden.Cases) == 0 || !slices.Equal(golden.Start, toyStart) {
		t.Fatalf("%d cases from %v (%v)", len(golden.Cases), golden.Start, err)
	}
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, c := range golden.Cases {
			got, calls := runGaussian(t, runner, mustPlan(t, SamplerConfig{Name: "dopri5", Rtol: c.Rtol, Atol: c.Atol},
				ProcessConfig{Name: FlowMatch}, 1))
			if calls != c.Calls {
				t.Errorf("rtol %g: %d calls, want %d", c.Rtol, calls, c.Calls)
			}
			expectClose(t, "end", got, c.End, slices.Repeat([]float64{2e-5}, len(got)))
		}
	})
}

// TestAdaptiveErrorsFollowTheTolerance, and so does the number of calls.
func TestAdaptiveErrorsFollowTheTolerance(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	before, callsBefore := math.Inf(1), 0
	for _, tolerance := range []float64{1e-2, 1e-3, 1e-4, 1e-5} {
		got, calls := runGaussian(t, runner, mustPlan(t, SamplerConfig{Name: "dopri5", Rtol: tolerance, Atol: tolerance},
			ProcessConfig{Name: FlowMatch}, 1))
		worst := 0.0
		for i, x0 := range toyStart {
			worst = max(worst, math.Abs(float64(got[i])-(gaussianMean+gaussianStd*float64(x0))))
		}
		t.Logf("tolerance %g: off by %.2g after %d calls", tolerance, worst, calls)
		if worst > 10*tolerance || worst > before || calls <= callsBefore {
			t.Errorf("tolerance %g: off by %g after %d calls; before by %g after %d", tolerance, worst, calls, before, callsBefore)
		}
		before, callsBefore = worst, calls
	}
}

// TestAdaptiveStepsEndAtTheTimesOfThePlan, where observers see the sample.
func TestAdaptiveStepsEndAtTheTimesOfThePlan(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	plan := mustPlan(t, SamplerConfig{Name: "dopri5", Times: []float64{0, 0.2, 0.7, 1}}, ProcessConfig{Name: FlowMatch}, 3)
	var steps []int
	predict := func(_ context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
		if e.Index != len(steps) || e.Timestep < 1000*plan.Times[e.Step]-1e-9 || e.Timestep > 1000*plan.Times[e.Step+1]+1e-9 {
			t.Errorf("call %d of step %d is number %d, at timestep %v", e.Index, e.Step, len(steps), e.Timestep)
		}
		steps = append(steps, e.Step)
		return half(t)(t.Context(), sample, e)
	}
	var seen []float64
	_, err := runner.Run(t.Context(), plan, ones(2, 3), predict, nil, func(step int, sample *tensors.Tensor) error {
		seen = append(seen, float64(tensors.MustCopyFlatData[float32](sample)[0])/math.Exp(plan.Times[step]/2))
		return nil
	})
	if err != nil || len(seen) != 4 || !slices.IsSorted(steps) {
		t.Fatalf("saw %v, steps %v (%v)", seen, steps, err)
	}
	for i, ratio := range seen {
		if math.Abs(ratio-1) > 1e-5 {
			t.Errorf("after step %d the sample is %v of what it should be", i, ratio)
		}
	}
}

func TestAdaptiveSamplingThatCannotGoOnIsAnError(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	plan := mustPlan(t, SamplerConfig{Name: "dopri5"}, ProcessConfig{Name: FlowMatch}, 2)
	broken := errors.New("out of memory")
	ctx, cancel := context.Context(nil), context.CancelFunc(nil)
	for want, predict := range map[string]Predict{
		"predicting: out of memory": func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor, error) { return nil, broken },
		"the prediction has shape (Float32)[3, 2], the sample (Float32)[2, 3]": func(context.Context, *tensors.Tensor,
			Call) (*tensors.Tensor, error) {
			return ones(3, 2), nil
		},
		"the model returned no prediction": func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor, error) { return nil, nil },
		"more than float32 can give; raise rtol and atol": func(_ context.Context, _ *tensors.Tensor, e Call) (*tensors.Tensor, error) {
			return tensors.FromScalarAndDimensions(float32(1e4*math.Sin(float64(e.Index))), 2, 3), nil // it changes from call to call
		},
		"ask for steps shorter": func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor, error) {
			return tensors.FromScalarAndDimensions(float32(math.NaN()), 2, 3), nil
		},
		"context canceled": func(_ context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
			if e.Index == 9 {
				cancel()
			}
			return half(t)(t.Context(), sample, e)
		},
	} {
		t.Run(want, func(t *testing.T) {
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			start := ones(2, 3)
			var made []*tensors.Tensor
			keeping := func(ctx context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
				v, err := predict(ctx, sample, e)
				if sample != start {
					made = append(made, sample)
				}
				return v, err
			}
			sample, err := runner.Run(ctx, plan, start, keeping, nil, nil)
			expectError(t, err, want)
			expectError(t, err, "sampling step")
			if sample != nil || !start.Ok() || slices.ContainsFunc(made, func(s *tensors.Tensor) bool { return s.Ok() }) {
				t.Error("a sample is returned, the caller's is gone, or one on the way is still held")
			}
		})
	}
}
