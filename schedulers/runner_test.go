package schedulers

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

func TestRunStopsBetweenCallsWhenCancelled(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	ctx, cancel := context.WithCancel(t.Context())
	var seen []int
	observe := func(step int, _ *tensors.Tensor) error {
		if seen = append(seen, step); step == 2 {
			cancel()
		}
		return nil
	}
	sample, err := runner.Run(ctx, mustPlan(t, SamplerConfig{Name: "euler"}, ProcessConfig{Name: FlowMatch}, 5), ones(2, 3),
		half(t), nil, observe)
	if !errors.Is(err, context.Canceled) || sample != nil {
		t.Errorf("got %v and error %v, want context.Canceled", sample, err)
	}
	if !slices.Equal(seen, []int{0, 1, 2}) {
		t.Errorf("saw the steps %v, want [0 1 2]", seen)
	}
}

func TestAnObserverSeesTheSampleAtTheEndOfEachStep(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	plan := mustPlan(t, SamplerConfig{Name: "rk4", Shift: 3}, ProcessConfig{Name: FlowMatch}, 3)
	var seen []float64
	observe := func(_ int, sample *tensors.Tensor) error {
		seen = append(seen, float64(tensors.MustCopyFlatData[float32](sample)[0]))
		return nil
	}
	if _, err := runner.Run(t.Context(), plan, ones(2, 3), half(t), nil, observe); err != nil {
		t.Fatal(err)
	}
	// half predicts a velocity of x/2, so the sample is exp(t/2).
	if len(seen) != 4 || len(plan.Times) != 4 {
		t.Fatalf("saw %v at the times %v, want 4 of each", seen, plan.Times)
	}
	for i, x := range seen {
		if want := math.Exp(plan.Times[i] / 2); math.Abs(x-want) > 1e-4 {
			t.Errorf("after step %d (time %v) the sample is %v, want %v", i, plan.Times[i], x, want)
		}
	}
	broken := errors.New("no room")
	if _, err := runner.Run(t.Context(), plan, ones(2, 3), half(t), nil, func(int,
		*tensors.Tensor) error {
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("error %v, want the observer's", err)
	}
}

func TestRunReportsWhatWentWrongAndWhere(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	broken := errors.New("out of memory")
	cases := map[string]struct {
		sampler string
		predict Predict
		noise   Noise
		want    string
	}{
		"the model fails": {"ddim", func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor, error) { return nil, broken }, nil,
			"sampling step 1 of 3 (call 1 of 3): predicting: out of memory"},
		"the prediction has another shape": {"ddim", func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor,
			error) {
			return ones(3, 2), nil
		}, nil,
			"the prediction has shape (Float32)[3, 2], the sample (Float32)[2, 3]"},
		"the model returns nothing": {"ddim", func(context.Context, *tensors.Tensor, Call) (*tensors.Tensor,
			error) {
			return nil, nil
		}, nil, "the model returned no prediction"},
		"noise is needed but has no source": {"ddpm", half(t), nil, "given no source"},
		"the source of noise fails": {"ddpm", half(t), func(Call) (*tensors.Tensor, error) { return nil, broken },
			"drawing noise: out of memory"},
		"the noise has another shape": {"ddpm", half(t), func(Call) (*tensors.Tensor, error) { return ones(6), nil },
			"needs noise of the sample's shape"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sample := ones(2, 3)
			_, err := runner.Run(t.Context(), mustPlan(t, SamplerConfig{Name: c.sampler}, ProcessConfig{Name: DDPM}, 3), sample,
				c.predict, c.noise, nil)
			expectError(t, err, c.want)
			if !sample.Ok() {
				t.Error("the caller's sample was finalized")
			}
		})
	}
}

func TestStepsOutOfOrderAreErrors(t *testing.T) {
	runner := newRunner(t, openBackend(t, "go"))
	start := State{Sample: ones(2, 3)}
	rk4 := mustPlan(t, SamplerConfig{Name: "rk4"}, ProcessConfig{Name: FlowMatch}, 2)
	_, err := runner.Step(rk4, 2, start, ones(2, 3), nil)
	expectError(t, err, "calls must be made in order")
	dpm := mustPlan(t, SamplerConfig{Name: "dpmpp_2m"}, ProcessConfig{Name: DDPM}, 5)
	_, err = runner.Step(dpm, 2, start, ones(2, 3), nil)
	expectError(t, err, "calls must be made in order")
	_, err = runner.Step(dpm, 5, start, ones(2, 3), nil)
	expectError(t, err, "call 5 is not in a plan of 5")
}

func TestRunFreesEverythingButItsResultAndTheCallersSample(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, r := range samplers {
			t.Run(r.name, func(t *testing.T) {
				var seen []*tensors.Tensor
				predict := func(ctx context.Context, sample *tensors.Tensor, e Call) (*tensors.Tensor, error) {
					prediction, err := half(t)(ctx, sample, e)
					seen = append(seen, sample, prediction)
					return prediction, err
				}
				noise := func(Call) (*tensors.Tensor, error) {
					z := ones(2, 3)
					seen = append(seen, z)
					return z, nil
				}
				start := ones(2, 3)
				result, err := runner.Run(t.Context(), mustPlan(t, SamplerConfig{Name: r.name}, ProcessConfig{Name: r.process}, 3), start,
					predict, noise, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !result.Ok() || !start.Ok() {
					t.Error("the result or the caller's sample was finalized")
				}
				if !slices.Equal(values(t, start), values(t, ones(2, 3))) {
					t.Error("the caller's sample was changed")
				}
				for i, s := range seen {
					if s != start && s != result && s.Ok() {
						t.Errorf("tensor %d of %d made on the way is still held", i, len(seen))
					}
				}
			})
		}
	})
}

func TestOneCompiledUpdateServesEveryNumberOfSteps(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		runner.denoise.SetMaxCache(1) // compiling a second program is an error
		runner.combination.SetMaxCache(1)
		noise := func(Call) (*tensors.Tensor, error) { return ones(2, 3), nil }
		for _, name := range []string{"euler", "ddpm", "ddim", "dpmpp_2m"} {
			r, _ := find(name)
			for _, steps := range []int{1, 3, 20} {
				plan := mustPlan(t, SamplerConfig{Name: name}, ProcessConfig{Name: r.process}, steps)
				if _, err := runner.Run(t.Context(), plan, ones(2, 3), half(t), noise, nil); err != nil {
					t.Errorf("%s in %d steps: %v", name, steps, err)
				}
			}
		}
		if _, err := runner.Run(t.Context(), mustPlan(t, SamplerConfig{Name: "euler"}, ProcessConfig{Name: FlowMatch}, 2), ones(5),
			half(t), nil, nil); err == nil {
			t.Error("a sample of another shape needs another program, so the limit is not in force")
		}
	})
}

func TestRunningAPlanTwiceGivesTheSameBits(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		runner := newRunner(t, backend)
		for _, r := range samplers {
			plan := mustPlan(t, SamplerConfig{Name: r.name}, ProcessConfig{Name: r.process}, 7)
			a, b := runToy(t, runner, plan, toyNetwork), runToy(t, runner, plan, toyNetwork)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %v and %v", r.name, a, b)
			}
		}
	})
}

func ones(dimensions ...int) *tensors.Tensor {
	return tensors.FromScalarAndDimensions(float32(1), dimensions...)
}

// half is a model that predicts half of the sample.
func half(t *testing.T) Predict {
	return func(_ context.Context, sample *tensors.Tensor, _ Call) (*tensors.Tensor, error) {
		output := values(t, sample)
		for i := range output {
			output[i] /= 2
		}
		return tensors.FromFlatDataAndDimensions(output, sample.Shape().Dimensions...), nil
	}
}
