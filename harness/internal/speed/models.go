package speed

import (
	"fmt"

	"flowharness/harness/internal/config"
)

// tutorial is the model of configs/fm_mnist.yaml, trained on drawn digits: to a
// clock all pixels are the same.
const tutorial = `
model:
  block_out_channels: [32, 64, 64]
  layers_per_block: 2
  down_block_types: [DownBlock2D, AttnDownBlock2D, AttnDownBlock2D]
  up_block_types: [AttnUpBlock2D, AttnUpBlock2D, UpBlock2D]
`

// small is the model of configs/quickstart.yaml.
const small = `
model:
  block_out_channels: [16, 32, 32]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D, AttnDownBlock2D]
  up_block_types: [AttnUpBlock2D, UpBlock2D, UpBlock2D]
  norm_num_groups: 8
`

// tiny is for tests that must be brief.
const tiny = `
model:
  block_out_channels: [4, 4]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D]
  up_block_types: [UpBlock2D, UpBlock2D]
  norm_num_groups: 4
  attention_head_dim: 4
`

// bare trains and does nothing else.
const bare = `
name: bench
data: {name: digits, drop_last: true}
process: {name: flow_match}
sampling: {samplers: [euler], steps: [1], at_end: false}
metrics: {validation_images: 0}
checkpoint: {every_epochs: 0, keep: 1}
`

// endless is more steps than any case trains.
const endless = 1_000_000_000

// configOf is a config that trains a model at a batch size for so many steps; for
// a test that must be brief, the tiny one at a small one.
func (o Options) configOf(model string, batch, steps int) (config.Config, error) {
	if o.Brief {
		model, batch = tiny, min(batch, 2)
	}
	r, err := config.Parse("bench.yaml", []byte(bare+model), []string{
		fmt.Sprintf("train.batch_size=%d", batch), fmt.Sprintf("train.steps=%d", steps), fmt.Sprintf("data.limit=%d", max(2*batch, 64))})
	if err != nil {
		return config.Config{}, err
	}
	return r.Config, nil
}
