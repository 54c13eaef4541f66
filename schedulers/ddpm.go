package schedulers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// DDPM is the name of the discrete diffusion of Ho et al. 2020.
const DDPM = "ddpm"

var ddpmProcess = Registration{
	Name: DDPM, About: "the diffusion baseline.", Sampler: "ddim",
	Predictions: []string{"epsilon", "v_prediction", "sample"},
	Densities:   []string{"uniform"},
	Keys:        []string{"beta_schedule", "beta_start", "beta_end", "rescale_betas_zero_snr", "loss_weight", "snr_gamma"},
	SetDefaults: func(c *ProcessConfig) {
		setDefault(&c.BetaSchedule, "linear")
		if c.LossWeight == minSNR {
			setDefault(&c.SNRGamma, 5)
		}
		if c.BetaSchedule != cosineBetas {
			setDefault(&c.BetaStart, 0.0001)
			setDefault(&c.BetaEnd, 0.02)
		}
	},
	Validate: func(c ProcessConfig, p *Problems) {
		p.Check(!c.RescaleBetasZeroSNR || c.PredictionType != "epsilon", "rescale_betas_zero_snr",
			"leaves only noise at the last timestep, where the noise does not tell the data: set prediction_type to v_prediction or sample")
		if c.LossWeight == minSNR {
			p.Positive("snr_gamma", c.SNRGamma)
		} else {
			p.OneOf("loss_weight", c.LossWeight, "", "uniform", minSNR)
			p.Unset("snr_gamma", c.SNRGamma == 0, `loss_weight "uniform"`)
		}
		p.OneOf("beta_schedule", c.BetaSchedule, "linear", "scaled_linear", cosineBetas)
		if c.BetaSchedule == cosineBetas {
			p.Unset("beta_start", c.BetaStart == 0, `beta_schedule "squaredcos_cap_v2"`)
			p.Unset("beta_end", c.BetaEnd == 0, `beta_schedule "squaredcos_cap_v2"`)
			return
		}
		if p.Check(c.BetaStart > 0 && c.BetaStart < 1, "beta_start", "must be between 0 and 1, got %v", c.BetaStart) {
			p.Check(c.BetaEnd >= c.BetaStart && c.BetaEnd < 1, "beta_end",
				"must be at least beta_start (%v) and below 1, got %v", c.BetaStart, c.BetaEnd)
		}
	},
	New: func(c ProcessConfig) Process { return ddpm{Base{c}, alphasCumprod(c)} },
}

const cosineBetas = "squaredcos_cap_v2"

// ddpm is the discrete variance-preserving diffusion of Ho et al. 2020 (arXiv:2006.11239), with the
// targets of Salimans and Ho 2022 (arXiv:2202.00512).
type ddpm struct {
	Base
	alphasCumprod []float32
}

// AddNoise is x_t = sqrt(alphas_cumprod_t)*data + sqrt(1-alphas_cumprod_t)*noise.
func (p ddpm) AddNoise(sample, noise, timestep *Node) *Node {
	signal, sigma := p.scales(timestep, sample)
	return Add(Mul(signal, sample), Mul(sigma, noise))
}

// Target is the noise ("epsilon"), the data ("sample") or the velocity
// sqrt(alphas_cumprod)*noise - sqrt(1-alphas_cumprod)*data ("v_prediction").
func (p ddpm) Target(sample, noise, timestep *Node) *Node {
	switch p.Config.PredictionType {
	case "sample":
		return sample
	case "v_prediction":
		signal, sigma := p.scales(timestep, sample)
		return Sub(Mul(signal, noise), Mul(sigma, sample))
	default:
		return noise
	}
}

// LossWeight is that of min_snr where the config asks for it.
func (p ddpm) LossWeight(timestep *Node) *Node {
	if p.Config.LossWeight != minSNR {
		return nil
	}
	return lookUp(minSNRWeights(p.alphasCumprod, p.Config.PredictionType, p.Config.SNRGamma), timestep)
}

// lookUp returns the values of a table at integer timesteps: [batch].
func lookUp(table []float32, timestep *Node) *Node {
	values := Const(timestep.Graph(), table)
	index := ExpandAxes(ConvertDType(timestep, dtypes.Int32), -1)
	return Gather(values, index)
}

// scales looks up sqrt(alphas_cumprod) and sqrt(1-alphas_cumprod) at integer timesteps [batch],
// shaped to multiply a sample.
func (p ddpm) scales(timestep, sample *Node) (signal, sigma *Node) {
	alphasCumprod := lookUp(p.alphasCumprod, timestep)
	return perSample(Sqrt(alphasCumprod), sample), perSample(Sqrt(OneMinus(alphasCumprod)), sample)
}
