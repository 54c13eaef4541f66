package train

import (
	"math/rand/v2"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/random"
)

// begin fills dst, the values of one sample or of a batch, with what paths begin with at t = 0.
type begin func(rng *rand.Rand, dst []float32)

// beginOf is noise, or points of the config's source.
func beginOf(cfg config.Config) begin {
	source, ok := dataset.PointSet(cfg.Data.Source)
	if !ok {
		return random.Normal
	}
	return func(rng *rand.Rand, dst []float32) {
		for i := 0; i < len(dst); i += 2 {
			source.Draw(rng, dst[i:i+2])
		}
	}
}
