package train

import (
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/record"
	"flowharness/metrics"
	"flowharness/models"
	"flowharness/schedulers"
)

// validationBatch is the number of images in one evaluation of the loss.
const validationBatch = 200

// validation measures the loss on images that are not trained on, at timesteps
// and with noise that are the same at every step and in every run of one seed:
// image i has a timestep of bin i mod 10, uniform in it, whatever density is
// trained with, and all count alike, whatever weight they are trained with.
type validation struct {
	exec           *Exec
	batches        []*batch
	image          []int // dimensions of an image
	trainTimesteps float64
}

func newValidation(b compute.Backend, data *dataset.Dataset, model models.Network, process schedulers.Process, begin begin,
	seed uint64) (*validation, error) {
	loader, err := dataset.NewLoader(data, dataset.LoaderOptions{Seed: seed, BatchSize: validationBatch})
	if err != nil {
		return nil, fmt.Errorf("the images to validate on: %w", err)
	}
	v := &validation{image: []int{data.Height, data.Width, data.Channels}, trainTimesteps: float64(process.NumTrainTimesteps())}
	pixels := data.Pixels()
	first := 0
	for step := range loader.StepsPerEpoch() {
		n := loader.Size(step)
		batch := newBatch(n, pixels)
		loader.Fill(step, batch.images, batch.labels)
		for i := range n {
			rng := random.New(seed, "validation", uint64(first+i))
			bin := (first + i) % metrics.LossBins
			// DDPM knows whole timesteps only, as does the tutorial's flow matching.
			batch.timesteps[i] = float32(math.Floor(v.trainTimesteps * (float64(bin) + rng.Float64()) / metrics.LossBins))
			begin(rng, batch.noise[i*pixels:(i+1)*pixels])
		}
		v.batches = append(v.batches, batch)
		first += n
	}
	v.exec, err = NewExec(b, func(weights, images, noise, timesteps, labels *Node) *Node {
		noisy := process.AddNoise(images, noise, timesteps)
		target := process.Target(images, noise, timesteps)
		network := func(input *Node) *Node { return model.Forward(model.Layout().Split(weights), input, timesteps, labels) }
		prediction := schedulers.Preconditioned(process, network, noisy, timesteps)
		return ReduceMean(Square(Sub(prediction, target)), 1, 2, 3)
	})
	if err != nil {
		return nil, fmt.Errorf("building the validation loss: %w", err)
	}
	v.exec.WithName("validation_loss").SetMaxCache(2) // the last batch may be smaller
	return v, nil
}

// loss measures the model with these weights.
func (v *validation) loss(weights *tensors.Tensor) (*metrics.BinnedLoss, error) {
	var all metrics.BinnedLoss
	for _, b := range v.batches {
		losses, err := v.losses(weights, b)
		if err != nil {
			return nil, err
		}
		for i, loss := range losses {
			if err := all.Add(float64(b.timesteps[i])/v.trainTimesteps, float64(loss)); err != nil {
				return nil, err
			}
		}
	}
	return &all, nil
}

// losses is the squared error of each image of a batch, mean over its pixels.
func (v *validation) losses(weights *tensors.Tensor, b *batch) ([]float32, error) {
	n := len(b.labels)
	dims := append([]int{n}, v.image...)
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.images, dims...),
		tensors.FromFlatDataAndDimensions(b.noise, dims...),
		tensors.FromFlatDataAndDimensions(b.timesteps, n),
		tensors.FromFlatDataAndDimensions(b.labels, n),
	}
	defer func() {
		for _, in := range inputs {
			in.MustFinalizeAll()
		}
	}()
	out, err := v.exec.Call1(weights, inputs[0], inputs[1], inputs[2], inputs[3])
	if err != nil {
		return nil, err
	}
	defer out.MustFinalizeAll()
	return tensors.CopyFlatData[float32](out)
}

// validate records the validation loss after n updates, of the weights that are
// sampled from: a series "val/loss", and one for each tenth of the timesteps.
func (t *trainer) validate(n int) error {
	start := time.Now()
	loss, err := t.validation.loss(t.sampleWeights())
	if err != nil {
		return fmt.Errorf("validating after step %d: %w", n, err)
	}
	values, err := metrics.Evaluate(metrics.Input{Loss: loss})
	if err != nil {
		return fmt.Errorf("validating after step %d: %w", n, err)
	}
	for _, v := range values {
		t.Recorder.Point(v.Name, n, v.Value)
	}
	t.Recorder.Phase(record.PhaseValidation, n, time.Since(start))
	t.event(Event{Message: fmt.Sprintf("validation loss %.6f", values[0].Value)})
	return nil
}

// validationDue tells whether the validation loss is wanted after n updates.
func (t *trainer) validationDue(n int) bool {
	if t.validation == nil {
		return false
	}
	every := t.Config.Metrics.ValidateEverySteps
	return n == t.steps || n%t.stepsPerEpoch == 0 || every > 0 && n%every == 0
}
