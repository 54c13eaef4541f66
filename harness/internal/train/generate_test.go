package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/checkpoint"
	"flowharness/schedulers"
)

// generator returns one on the pure-Go backend, with the weights that a run of
// its config would begin with, made larger: a new network predicts almost
// nothing, whatever the class.
func generator(t *testing.T) (*Generator, *tensors.Tensor) {
	t.Helper()
	o := tinyOptions(t, "go", nil, t.TempDir())
	gen, err := NewGenerator(o.Backend, o.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gen.Finalize)
	flat := InitialWeights(gen.model, 1)
	for i := range flat {
		flat[i] *= 2
	}
	weights := tensors.FromFlatDataAndDimensions(flat, len(flat))
	t.Cleanup(weights.MustFinalizeAll)
	return gen, weights
}

// euler asks for two steps of the simplest sampler.
func euler(scale float64, labels ...int32) Request {
	return Request{Sampler: schedulers.SamplerConfig{Name: "euler"}, Steps: 2, Guidance: schedulers.Guidance{Scale: scale},
		Labels: labels, Seed: 5}
}

func mustGenerate(t *testing.T, gen *Generator, weights *tensors.Tensor, r Request) Generated {
	t.Helper()
	out, err := gen.Generate(t.Context(), weights, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnImageDependsOnItsNumberAndClassAlone(t *testing.T) {
	gen, weights := generator(t)
	three := mustGenerate(t, gen, weights, euler(2, 1, 4, 7))
	if want := 3 * 28 * 28; len(three.Images) != want {
		t.Fatalf("%d values, want %d", len(three.Images), want)
	}
	last := euler(2, 7)
	last.FirstImage = 2
	one := mustGenerate(t, gen, weights, last)
	if d := distance(one.Images, three.Images[2*28*28:]); d > 1e-3 { // another batch size sums in another order
		t.Errorf("the third image drawn alone differs by %g", d)
	}
	if distance(three.Images[:28*28], three.Images[28*28:2*28*28]) < 1e-2 {
		t.Error("two images start from the same noise")
	}
	other := euler(2, 1, 4, 7)
	other.Seed++
	if distance(mustGenerate(t, gen, weights, other).Images, three.Images) < 1e-2 {
		t.Error("two seeds give the same images")
	}
	if again := mustGenerate(t, gen, weights, euler(2, 1, 4, 7)); !slices.Equal(again.Images, three.Images) {
		t.Error("the same request gives other images")
	}
}

func TestGuidanceMixesConditionalAndUnconditional(t *testing.T) {
	gen, weights := generator(t)
	one := func(scale float64, label int32) []float32 {
		r := euler(scale, label)
		r.Steps = 1 // of one Euler step the result is linear in the prediction
		return mustGenerate(t, gen, weights, r).Images
	}
	if !slices.Equal(one(0, 3), one(0, 8)) {
		t.Error("with guidance 0 the class matters")
	}
	if d := distance(one(0, 3), one(1, 0)); d > 1e-6 {
		t.Errorf("with guidance 0 an image differs from that of no class by %g", d)
	}
	cond, uncond, guided := one(1, 3), one(0, 3), one(3, 3)
	if distance(cond, uncond) < 1e-4 {
		t.Fatal("the class does not matter, so that guidance cannot be tested")
	}
	for i := range guided {
		if want := uncond[i] + 3*(cond[i]-uncond[i]); math.Abs(float64(guided[i]-want)) > 1e-4 {
			t.Fatalf("value %d with guidance 3 is %g, want %g", i, guided[i], want)
		}
	}
}

func TestNFECountsTwoForAGuidedCall(t *testing.T) {
	gen, weights := generator(t)
	for _, tc := range []struct {
		name     string
		sampler  string
		guidance schedulers.Guidance
		want     int
	}{
		{"euler, class alone", "euler", schedulers.Guidance{Scale: 1}, 4},
		{"euler, no class", "euler", schedulers.Guidance{Scale: 0}, 4},
		{"euler, guided", "euler", schedulers.Guidance{Scale: 2}, 8},
		{"euler, half of the steps guided", "euler", schedulers.Guidance{Scale: 2, Interval: [2]float64{0.5, 1}}, 6},
		{"heun, guided", "heun", schedulers.Guidance{Scale: 2}, 16},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var times []float64
			r := Request{Sampler: schedulers.SamplerConfig{Name: tc.sampler}, Steps: 4, Guidance: tc.guidance, Labels: []int32{1},
				Observe: func(t float64, _ []float32) { times = append(times, t) }}
			if out := mustGenerate(t, gen, weights, r); out.NFE != tc.want || out.Elapsed <= 0 {
				t.Errorf("NFE is %d in %v, want %d", out.NFE, out.Elapsed, tc.want)
			}
			if want := []float64{0, 0.25, 0.5, 0.75, 1}; !slices.Equal(times, want) {
				t.Errorf("the samples were shown at the times %v, want %v", times, want)
			}
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	gen, weights := generator(t)
	for _, tc := range []struct {
		name   string
		change func(*Request)
		want   string
	}{
		{"an unknown sampler", func(r *Request) { r.Sampler.Name = "eluer" }, "eluer"},
		{"a sampler of another process", func(r *Request) { r.Sampler.Name = "ddim" }, "ddim"},
		{"no steps", func(r *Request) { r.Steps = 0 }, "0"},
		{"more steps than timesteps", func(r *Request) { r.Steps = 1001 }, "1001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := euler(1, 1)
			tc.change(&r)
			if _, err := gen.Generate(t.Context(), weights, r); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one about %q", err, tc.want)
			}
		})
	}
}

func TestSamplingStopsBetweenEvaluations(t *testing.T) {
	gen, weights := generator(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := euler(1, 1)
	r.Steps = 50
	done := -1 // the first look is at the noise
	r.Observe = func(float64, []float32) {
		if done++; done == 3 {
			cancel()
		}
	}
	if _, err := gen.Generate(ctx, weights, r); !errors.Is(err, context.Canceled) || done != 3 {
		t.Errorf("error after %d evaluations is %v", done, err)
	}
}

func TestSampleRunDrawsFromTheAveragedWeightsWhereAsked(t *testing.T) {
	o := tinyOptions(t, "go", nil, t.TempDir())
	model, err := o.Config.Network()
	if err != nil {
		t.Fatal(err)
	}
	state := &checkpoint.State{Step: 40, Params: InitialWeights(model, 1), EMA: InitialWeights(model, 2)}
	draw := func(ema bool, state *checkpoint.State) Sample {
		o.Config.Sampling.UseEMA = ema
		record := func(context.Context, Sample) error { return nil }
		samples, err := SampleRun(t.Context(), o.Backend, o.Config, state, record, nil)
		if err != nil || len(samples) != 1 {
			t.Fatalf("%d samples: %v", len(samples), err)
		}
		return samples[0]
	}
	averaged, raw := draw(true, state), draw(false, state)
	if !averaged.UsedEMA || raw.UsedEMA || averaged.Step != 40 || averaged.Images != 11 {
		t.Errorf("drawn are %+v and %+v", averaged, raw)
	}
	if string(averaged.PNG) == string(raw.PNG) {
		t.Error("both weights draw the same")
	}
	if none := draw(true, &checkpoint.State{Step: 40, Params: state.Params}); none.UsedEMA || string(none.PNG) != string(raw.PNG) {
		t.Error("without averaged weights the trained ones are not used")
	}

	full := errors.New("no space")
	record := func(context.Context, Sample) error { return full }
	if _, err := SampleRun(t.Context(), o.Backend, o.Config, state, record, nil); !errors.Is(err,
		full) || !strings.Contains(err.Error(), "recording the grid of sampling euler") {
		t.Errorf("recording fails: error is %v", err)
	}
}

func TestGridLabelsRepeatNoClassAndAllClasses(t *testing.T) {
	if got, want := GridLabels(2, 3), []int32{0, 1, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("labels are %v, want %v", got, want)
	}
}

// distance is the largest difference of two vectors.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var d float64
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}
