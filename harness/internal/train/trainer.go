package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/models"
	"flowharness/models/optim"
	"flowharness/schedulers"
)

// prefetchDepth is how many batches may lie ready. A batch is a few megabytes
// and takes milliseconds to make, so a few suffice to keep the device busy.
const prefetchDepth = 4

// trainer is a run in progress.
type trainer struct {
	Options
	process schedulers.Process
	model   models.Network
	loader  *dataset.Loader
	begin   begin
	graph   *stepGraph
	exec    *graph.Exec // of a step of whole batches; nil if parts is not
	parts   *partwise   // of a step that adds up parts; nil if a batch is run whole
	gen     *Generator

	validation  *validation  // nil if none is wanted
	calibration *Calibration // likewise

	steps, stepsPerEpoch, pixels int

	// state.Step is where the run started; replicas holds, for each device, params,
	// m, v and, if kept, ema as flat vectors on it after stepsDone updates. All
	// devices hold the same.
	state     checkpoint.State
	replicas  [][]*tensors.Tensor
	stepsDone int
	compiled  bool

	losses         window
	lastCheckpoint string
	drawn          []Sample // grids that need not be drawn again
}

// Check says whether a config's model can be trained on a dataset, so that a run
// that cannot begin need not be recorded.
func Check(cfg config.Config, d *dataset.Dataset) error {
	_, err := newLoader(cfg, d)
	return err
}

func newLoader(cfg config.Config, d *dataset.Dataset) (*dataset.Loader, error) {
	if spec := cfg.Spec(); d.Height != spec.Height || d.Width != spec.Width || d.Channels != spec.Channels {
		return nil, fmt.Errorf("dataset %s has images of %d×%d, the model takes %d×%d (channels: %d, %d)",
			d.Name, d.Height, d.Width, spec.Height, spec.Width, d.Channels, spec.Channels)
	}
	return dataset.NewLoader(d, dataset.LoaderOptions{
		Seed: cfg.Seed, BatchSize: cfg.Train.BatchSize, Flip: cfg.Data.Flip,
		CropPadding: cfg.Data.CropPadding, DropLast: cfg.Data.DropLast})
}

func newTrainer(o Options) (*trainer, error) {
	cfg := o.Config
	process, err := schedulers.NewProcess(cfg.Process)
	if err != nil {
		return nil, err
	}
	model, err := cfg.Network()
	if err != nil {
		return nil, err
	}
	loader, err := newLoader(cfg, o.Data)
	if err != nil {
		return nil, err
	}
	t := &trainer{Options: o, process: process, model: model, loader: loader, begin: beginOf(cfg),
		stepsPerEpoch: loader.StepsPerEpoch(), pixels: o.Data.Pixels()}
	t.steps = cfg.Train.Steps
	if t.steps == 0 {
		t.steps = cfg.Train.Epochs * t.stepsPerEpoch
	}
	t.graph = &stepGraph{model: model, process: process, clip: cfg.Train.GradClip, ema: cfg.Train.EMADecay > 0,
		optimizer: optim.AdamW{Beta1: cfg.Train.Betas[0], Beta2: cfg.Train.Betas[1], Eps: cfg.Train.Eps, WeightDecay: cfg.Train.WeightDecay}}
	if t.graph.devices, err = Devices(cfg, o.Backend.NumDevices()); err != nil {
		return nil, err
	}
	if o.Resume != nil && t.graph.ema != (o.Resume.EMA != nil) {
		return nil, fmt.Errorf("the checkpoint of step %d and train.ema_decay disagree on whether there are averaged weights", o.Resume.Step)
	}
	if err := t.compile(); err != nil {
		return nil, err
	}
	if t.gen = o.Generator; t.gen == nil {
		if t.gen, err = NewGenerator(o.Backend, cfg); err != nil {
			return nil, err
		}
	}
	if o.Validation != nil {
		if t.validation, err = newValidation(o.Backend, o.Validation, model, process, t.begin, cfg.Sampling.Seed); err != nil {
			return nil, err
		}
	}
	if o.Calibrate {
		if t.calibration, err = NewCalibration(o.Backend); err != nil {
			return nil, err
		}
	}
	t.start()
	return t, nil
}

// compile makes the programs of a step.
func (t *trainer) compile() error {
	size, err := Microbatch(t.Config, t.Backend, t.graph.devices)
	switch {
	case err != nil:
	case size < t.Config.Train.BatchSize/t.graph.devices:
		t.parts, err = newPartwise(t.Backend, t.graph, size)
	default:
		t.exec, err = compileStep(t.Backend, t.graph)
	}
	return err
}

// start puts the first state on every device: fresh weights, or a checkpoint's.
func (t *trainer) start() {
	if t.Resume != nil {
		t.state = *t.Resume
		for _, loss := range t.Losses {
			t.losses.add(loss)
		}
		t.drawn = t.Drawn
		t.lastCheckpoint = checkpoint.Path(t.CheckpointDir, t.state.Step)
	} else {
		t.state.Params = InitialWeights(t.model, t.Config.Seed)
		t.state.M = make([]float32, len(t.state.Params))
		t.state.V = make([]float32, len(t.state.Params))
		if t.graph.ema {
			t.state.EMA = t.state.Params
		}
	}
	t.stepsDone = t.state.Step
	t.replicas = make([][]*tensors.Tensor, t.graph.devices)
	for i := range t.replicas {
		for _, v := range [][]float32{t.state.Params, t.state.M, t.state.V, t.state.EMA} {
			if v != nil {
				t.replicas[i] = append(t.replicas[i], tensors.FromFlatDataAndDimensions(v, len(v)))
			}
		}
	}
	t.state = checkpoint.State{Step: t.stepsDone, Earlier: t.state.Earlier} // the host's copies are not needed any more
}

// InitialWeights are the weights a run starts from, flat in the model's layout:
// one random stream per variable name, so that variants of a model share the
// initial values of the variables they have in common.
func InitialWeights(m models.Network, seed uint64) []float32 {
	return m.Init(func(name string) *rand.Rand { return random.New(seed, "init/"+name, 0) })
}

// save writes a checkpoint of the state after n updates.
func (t *trainer) save(n int) error {
	if path := checkpoint.Path(t.CheckpointDir, n); t.lastCheckpoint == path {
		return nil
	}
	// A run that is killed goes on from here, and then nothing records the points
	// before here again.
	if err := t.Recorder.Flush(context.Background()); err != nil {
		return fmt.Errorf("recording the points up to the checkpoint of step %d: %w", n, err)
	}
	start := time.Now()
	host := make([][]float32, 4)
	for i, d := range t.replicas[0] {
		var err error
		if host[i], err = tensors.CopyFlatData[float32](d); err != nil {
			return fmt.Errorf("reading the weights for the checkpoint of step %d: %w", n, err)
		}
	}
	path, err := checkpoint.Save(t.CheckpointDir, t.model.Layout(), checkpoint.State{
		Step: n, Params: host[0], M: host[1], V: host[2], EMA: host[3], Earlier: t.state.Earlier,
		Meta: map[string]string{
			checkpoint.MetaConfigHash: t.ConfigHash, checkpoint.MetaRunID: t.RunID,
			checkpoint.MetaSeed: strconv.FormatUint(t.Config.Seed, 10),
		}}, t.Config.Checkpoint.Keep)
	if err != nil {
		return fmt.Errorf("writing the checkpoint of step %d: %w", n, err)
	}
	t.lastCheckpoint = path
	t.Recorder.Phase(record.PhaseCheckpoint, n, time.Since(start))
	return nil
}

// sampleWeights are the weights to sample from: the average where the config
// asks for it, else the trained ones.
func (t *trainer) sampleWeights() *tensors.Tensor {
	if t.Config.Sampling.UseEMA && t.graph.ema {
		return t.replicas[0][3]
	}
	return t.replicas[0][0]
}

func (t *trainer) finalize() {
	if t.parts != nil {
		t.parts.finalize()
	} else {
		t.exec.Finalize()
	}
	if t.Generator == nil {
		t.gen.Finalize()
	}
	if t.validation != nil {
		t.validation.exec.Finalize()
	}
	if t.calibration != nil {
		t.calibration.Finalize()
	}
	for _, state := range t.replicas {
		for _, d := range state {
			_ = d.FinalizeAll() // a donated buffer is gone already
		}
	}
}

// batch is what one training step consumes, drawn on the host.
type batch struct {
	images, noise []float32 // [B, H, W, C]
	timesteps     []float32 // [B]
	labels        []int32   // [B]; 0 is no class
	dropout       []uint32  // [B, dropoutKey]; nil if the network leaves out nothing
}

// dropoutKey is how many random numbers say what the network leaves out of a sample.
const dropoutKey = 2

func newBatch(size, pixels int) *batch {
	return &batch{images: make([]float32, size*pixels), noise: make([]float32, size*pixels),
		timesteps: make([]float32, size), labels: make([]int32, size)}
}

// window keeps the last losses.
type window struct{ values []float64 }

func (w *window) add(v float64) {
	w.values = append(w.values, v)
	if len(w.values) > lossWindow {
		w.values = w.values[1:]
	}
}

func (w *window) last() float64 {
	if len(w.values) == 0 {
		return 0
	}
	return w.values[len(w.values)-1]
}

func (w *window) mean() float64 {
	if len(w.values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range w.values {
		sum += v
	}
	return sum / float64(len(w.values))
}
