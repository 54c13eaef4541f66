package schedulers

import (
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// FlowMatch is the name of conditional flow matching.
const FlowMatch = "flow_match"

var flowMatchProcess = Registration{
	Name: FlowMatch, About: "straight paths from noise (t = 0) to data (t = 1).", Sampler: "euler",
	Predictions: []string{"velocity"},
	Densities:   []string{"uniform", logitNormal},
	Keys:        []string{"shift", "logit_mean", "logit_std", "path", "coupling", "sinkhorn_reg"},
	SetDefaults: func(c *ProcessConfig) {
		setDefault(&c.Shift, 1)
		dropDefault(&c.Path, "linear")
		dropDefault(&c.Coupling, "independent")
		if c.Coupling == SinkhornCoupling {
			setDefault(&c.SinkhornReg, 0.05)
		}
		if c.TimestepDensity == logitNormal {
			setDefault(&c.LogitStd, 1)
		}
	},
	Validate: func(c ProcessConfig, p *Problems) {
		p.Positive("shift", c.Shift)
		p.OneOf("path", c.Path, "", "linear", cosinePathName)
		p.OneOf("coupling", c.Coupling, "", "independent", MinibatchOT, ClassOT, SinkhornCoupling)
		if c.Coupling == SinkhornCoupling {
			p.Check(c.SinkhornReg >= 0.005 && c.SinkhornReg <= 100, "sinkhorn_reg", "must be between 0.005 and 100, got %v", c.SinkhornReg)
		} else {
			p.Unset("sinkhorn_reg", c.SinkhornReg == 0, "another coupling than sinkhorn")
		}
		if c.TimestepDensity == logitNormal {
			p.Check(isFinite(c.LogitMean), "logit_mean", "must be a finite number, got %v", c.LogitMean)
			p.Positive("logit_std", c.LogitStd)
			return
		}
		p.Unset("logit_mean", c.LogitMean == 0, `timestep_density "uniform"`)
		p.Unset("logit_std", c.LogitStd == 0, `timestep_density "uniform"`)
	},
	Path: func(c ProcessConfig) Interpolant {
		if c.Path == cosinePathName {
			return cosinePath
		}
		return linearPath
	},
	New: func(c ProcessConfig) Process { return flowMatch{Base{c}} },
}

// Couplings of noise and data besides the independent one.
const (
	MinibatchOT      = "minibatch_ot" // the assignment of least squared distances within a batch
	ClassOT          = "class_ot"     // likewise, within each class of a batch
	SinkhornCoupling = "sinkhorn"     // a draw from the entropic optimal transport within a batch
)

const logitNormal = "logit_normal"

const cosinePathName = "cosine"

// flowMatch is conditional flow matching on straight paths (Lipman et al. 2023, arXiv:2210.02747;
// Liu et al. 2023, arXiv:2209.03003) or on the trigonometric interpolant (Albergo et al. 2023, arXiv:2303.08797).
type flowMatch struct{ Base }

// AddNoise is x_t = t*data + (1-t)*noise with t = timestep/NumTrainTimesteps, or on the cosine path
// sin(πt/2)*data + cos(πt/2)*noise.
func (p flowMatch) AddNoise(sample, noise, timestep *Node) *Node {
	t := perSample(DivScalar(timestep, float64(p.Config.NumTrainTimesteps)), sample)
	if p.Config.Path == cosinePathName {
		angle := MulScalar(t, math.Pi/2)
		return Add(Mul(Sin(angle), sample), Mul(Cos(angle), noise))
	}
	return Add(Mul(t, sample), Mul(OneMinus(t), noise))
}

// Target is the velocity of the path: data - noise if it is straight, else π/2·(cos(πt/2)*data - sin(πt/2)*noise).
func (p flowMatch) Target(sample, noise, timestep *Node) *Node {
	if p.Config.Path == cosinePathName {
		angle := MulScalar(perSample(DivScalar(timestep, float64(p.Config.NumTrainTimesteps)), sample), math.Pi/2)
		return MulScalar(Sub(Mul(Cos(angle), sample), Mul(Sin(angle), noise)), math.Pi/2)
	}
	return Sub(sample, noise)
}

// SampleTimestep draws from the timestep density and then shifts. Uniform without a shift gives the
// integers 0..T-1; everything else is continuous and cut off at T-1, the largest timestep trained.
func (p flowMatch) SampleTimestep(rng *rand.Rand) float64 {
	c := p.Config
	T := float64(c.NumTrainTimesteps)
	if c.TimestepDensity == "uniform" {
		timestep := float64(rng.IntN(c.NumTrainTimesteps))
		if c.Shift == 1 {
			return timestep
		}
		return math.Min(T*shiftTime(timestep/T, c.Shift), T-1)
	}
	t := 1 / (1 + math.Exp(-(c.LogitMean + c.LogitStd*rng.NormFloat64())))
	return math.Min(T*shiftTime(t, c.Shift), T-1)
}

// shiftTime applies sigma -> s*sigma/(1+(s-1)*sigma) with sigma = 1-t to t (Esser et al. 2024,
// arXiv:2403.03206, equation 23). It keeps both ends: 0 -> 0 and 1 -> 1.
func shiftTime(t, shift float64) float64 {
	if shift == 1 {
		return t
	}
	return t / (t + shift*(1-t))
}
