package schedulers

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// ddpm is the discrete variance-preserving diffusion of Ho et al. 2020 (arXiv:2006.11239), with the
// targets of Salimans and Ho 2022 (arXiv:2202.00512).
type ddpm struct {
	config        ProcessConfig
	alphasCumprod []float32
}

func (p ddpm) Name() string           { return DDPM }
func (p ddpm) NumTrainTimesteps() int { return p.config.NumTrainTimesteps }

// SampleTimestep draws uniformly from the integers 0..T-1.
func (p ddpm) SampleTimestep(rng *rand.Rand) float64 {
	return float64(rng.IntN(p.config.NumTrainTimesteps))
}

// AddNoise is x_t = sqrt(alphas_cumprod_t)*data + sqrt(1-alphas_cumprod_t)*noise.
func (p ddpm) AddNoise(sample, noise, timestep *Node) *Node {
	signal, sigma := p.scales(timestep, sample)
	return Add(Mul(signal, sample), Mul(sigma, noise))
}

// Target is the noise ("epsilon"), the data ("sample") or the velocity
// sqrt(alphas_cumprod)*noise - sqrt(1-alphas_cumprod)*data ("v_prediction").
func (p ddpm) Target(sample, noise, timestep *Node) *Node {
	switch p.config.PredictionType {
	case "sample":
		return sample
	case "v_prediction":
		signal, sigma := p.scales(timestep, sample)
		return Sub(Mul(signal, noise), Mul(sigma, sample))
	default:
		return noise
	}
}

// scales looks up sqrt(alphas_cumprod) and sqrt(1-alphas_cumprod) at integer timesteps [batch],
// shaped to multiply a sample.
func (p ddpm) scales(timestep, sample *Node) (signal, sigma *Node) {
	table := Const(timestep.Graph(), p.alphasCumprod)
	index := ExpandAxes(ConvertDType(timestep, dtypes.Int32), -1)
	alphasCumprod := Gather(table, index)
	return perSample(Sqrt(alphasCumprod), sample), perSample(Sqrt(OneMinus(alphasCumprod)), sample)
}
