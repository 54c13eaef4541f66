package train

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/models"
	"flowharness/schedulers"
)

// Generator draws samples from the weights of a model. It can be shared by runs
// of one model and process, so that these compile its programs once.
//
// The network with guidance is one compiled program per guidance mode and
// number of images; timestep and guidance scale are inputs, so every sampler,
// step count and scale shares it. The sample stays on the device from the
// first evaluation to the last.
type Generator struct {
	backend compute.Backend
	model   models.Network
	config  schedulers.ProcessConfig
	process schedulers.Process
	begin   begin
	spec    dataset.Spec // of the images
	runner  *schedulers.Runner
	execs   map[program]*Exec
	warm    map[string]bool // what was drawn once, and so is compiled; by [warmKey]
}

// program is what is compiled: a mode and, where it combines predictions, how.
type program struct {
	mode     schedulers.GuidanceMode
	guidance string
}

// Request asks for images.
type Request struct {
	Sampler  schedulers.SamplerConfig
	Steps    int
	Guidance schedulers.Guidance
	// Labels holds one class index an image; 0 is no class, class c is c+1.
	Labels []int32
	// Seed and FirstImage determine the noise: image i of the request starts
	// from the noise of image FirstImage+i of the seed, in any run.
	Seed       uint64
	FirstImage int
	// Observe, if set, is shown the samples [len(Labels), H, W, C] as they are at
	// time t: at the beginning of a flow-matching sampler and after each of its
	// steps.
	Observe func(t float64, samples []float32)
}

// Generated is what a request produced.
type Generated struct {
	Images  []float32 // [len(Labels), H, W, C], data range [-1, 1] (not clipped)
	NFE     int       // network calls an image: a guided one counts two
	Elapsed time.Duration
}

// NewGenerator prepares sampling for the model and process of a config.
func NewGenerator(b compute.Backend, cfg config.Config) (*Generator, error) {
	model, err := cfg.Network()
	if err != nil {
		return nil, err
	}
	process, err := schedulers.NewProcess(cfg.Process)
	if err != nil {
		return nil, err
	}
	return &Generator{backend: b, model: model, config: cfg.Process, process: process, begin: beginOf(cfg), spec: cfg.Spec(),
		runner: schedulers.NewRunner(b), execs: map[program]*Exec{}, warm: map[string]bool{}}, nil
}

// Generate runs the sampler on weights, the flat vector of the model's layout.
// It stops between two calls when ctx ends.
func (g *Generator) Generate(ctx context.Context, weights *tensors.Tensor, r Request) (Generated, error) {
	sampler, err := schedulers.NewSampler(r.Sampler, g.config)
	if err != nil {
		return Generated{}, err
	}
	plan, err := sampler.Plan(r.Steps)
	if err != nil {
		return Generated{}, err
	}
	start := time.Now()
	labels := tensors.FromFlatDataAndDimensions(r.Labels, len(r.Labels))
	defer labels.MustFinalizeAll()

	calls := 0 // counted, as an adaptive sampler decides on them
	predict := func(_ context.Context, x *tensors.Tensor, e schedulers.Call) (*tensors.Tensor, error) {
		mode := r.Guidance.ModeAt(e.Step, r.Steps)
		calls += mode.Calls()
		if mode == schedulers.ZeroPrediction {
			return tensors.FromShape(x.Shape()), nil
		}
		exec, err := g.compiled(mode, r.Guidance)
		if err != nil {
			return nil, err
		}
		return exec.Call1(weights, x, float32(e.Timestep), labels, float32(r.Guidance.ScaleAt(e.Step, r.Steps)))
	}
	noise := func(e schedulers.Call) (*tensors.Tensor, error) {
		return g.noise(len(r.Labels), func(i int, dst []float32) {
			stream := fmt.Sprintf("sample/step_noise/%d", r.FirstImage+i)
			random.Normal(random.New(r.Seed, stream, uint64(e.Index)), dst)
		}), nil
	}
	x := g.noise(len(r.Labels), func(i int, dst []float32) {
		g.begin(random.New(r.Seed, "sample/noise", uint64(r.FirstImage+i)), dst)
	})
	defer x.MustFinalizeAll()
	out, err := g.runner.Run(ctx, plan, x, predict, noise, r.observer(plan))
	if err != nil {
		return Generated{}, fmt.Errorf("sampling with %s in %d steps: %w", r.Sampler.Name, r.Steps, err)
	}
	images, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return Generated{}, fmt.Errorf("reading the samples: %w", err)
	}
	out.MustFinalizeAll()
	return Generated{Images: images, NFE: calls, Elapsed: time.Since(start)}, nil
}

func (r Request) observer(plan schedulers.Plan) schedulers.Observe {
	if r.Observe == nil || plan.Times == nil {
		return nil
	}
	return func(step int, sample *tensors.Tensor) error {
		flat, err := tensors.CopyFlatData[float32](sample)
		if err != nil {
			return fmt.Errorf("reading the samples at step %d: %w", step, err)
		}
		r.Observe(plan.Times[step], flat)
		return nil
	}
}

// Finalize frees the compiled programs.
func (g *Generator) Finalize() {
	for _, exec := range g.execs {
		exec.Finalize()
	}
	g.runner.Finalize()
}

// compiled returns the program of a guidance mode: conditional alone,
// unconditional alone, or both in one batch of twice the size.
func (g *Generator) compiled(mode schedulers.GuidanceMode, guidance schedulers.Guidance) (*Exec, error) {
	key := program{mode: mode}
	if mode == schedulers.CondUncond {
		key.guidance = guidance.Program()
	}
	if exec := g.execs[key]; exec != nil {
		return exec, nil
	}
	exec, err := NewExec(g.backend, func(weights, x, timestep, labels, scale *Node) *Node {
		params := g.model.Layout().Split(weights)
		forward := func(x, labels *Node) *Node {
			t := BroadcastToDims(timestep, labels.Shape().Dim(0))
			network := func(input *Node) *Node { return g.model.Forward(params, input, t, labels) }
			return schedulers.Preconditioned(g.process, network, x, t)
		}
		null := ZerosLike(labels)
		switch mode {
		case schedulers.CondOnly:
			return forward(x, labels)
		case schedulers.UncondOnly:
			return forward(x, null)
		default:
			n := labels.Shape().Dim(0)
			both := forward(Concatenate([]*Node{x, x}, 0), Concatenate([]*Node{null, labels}, 0))
			uncond, cond := SliceAxis(both, 0, AxisRange(0, n)), SliceAxis(both, 0, AxisRange(n, 2*n))
			return guidance.Combine(uncond, cond, scale)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("building the sampling step: %w", err)
	}
	g.execs[key] = exec.WithName("sampling_step")
	return g.execs[key], nil
}

// noise returns n images [n, H, W, C] filled one by one.
func (g *Generator) noise(n int, fill func(i int, dst []float32)) *tensors.Tensor {
	pixels := g.spec.Pixels()
	flat := make([]float32, n*pixels)
	for i := range n {
		fill(i, flat[i*pixels:(i+1)*pixels])
	}
	return tensors.FromFlatDataAndDimensions(flat, n, g.spec.Height, g.spec.Width, g.spec.Channels)
}

// samplerJSON is the sampler's settings as they are recorded with a grid.
func samplerJSON(c schedulers.SamplerConfig) (string, error) {
	b, err := json.Marshal(c)
	return string(b), err
}
