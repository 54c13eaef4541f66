package schedulers

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Values of "loss" and "loss_weight" that are not the defaults, mse and uniform. The defaults are written as no value at all:
// configs from before there was a choice are the same.
const (
	pseudoHuber = "pseudo_huber"
	minSNR      = "min_snr"
)

// Loss is the loss of each value of a prediction, shaped like it: the distance from the target, times the weight of the timestep.
// No gradient flows through the target.
func Loss(p Process, prediction, target, timestep *Node) *Node {
	loss := p.Distance(Sub(prediction, StopGradient(target)))
	if weight := p.LossWeight(timestep); weight != nil {
		loss = Mul(loss, perSample(weight, loss))
	}
	return loss
}

// distance is the loss of each value of a difference d: d² or, for pseudo_huber, 2c·(sqrt(d² + c²) - c), which is near d² where d is
// below c and near 2c·|d| above, so that outliers count less (Charbonnier et al. 1997, in the scale that training scripts of
// diffusers give their "huber" loss).
func (c ProcessConfig) distance(difference *Node) *Node {
	if c.Loss != pseudoHuber {
		return Square(difference)
	}
	return MulScalar(AddScalar(Sqrt(AddScalar(Square(difference), c.HuberC*c.HuberC)), -c.HuberC), 2*c.HuberC)
}

// setLossDefaults fills what belongs to the loss, and drops the defaults' names.
func (c *ProcessConfig) setLossDefaults() {
	dropDefault(&c.Loss, "mse")
	dropDefault(&c.LossWeight, "uniform")
	if c.Loss == pseudoHuber {
		setDefault(&c.HuberC, 0.1)
	}
}

func (c ProcessConfig) validateLoss(p *Problems) {
	if c.Loss != "" {
		p.OneOf("loss", c.Loss, "mse", pseudoHuber)
	}
	if c.Loss == pseudoHuber {
		p.Positive("huber_c", c.HuberC)
	} else {
		p.Unset("huber_c", c.HuberC == 0, `loss "mse"`)
	}
}

// dropDefault leaves a value unset that is the default.
func dropDefault(field *string, value string) {
	if *field == value {
		*field = ""
	}
}

// minSNRWeights are min(SNR, gamma) of each timestep as a weight of the loss of the predicted data, carried over to that of the
// prediction: divided by SNR for epsilon and by SNR+1 for v_prediction (Hang et al. 2023, arXiv:2303.09556, section 3.4).
func minSNRWeights(alphasCumprod []float32, prediction string, gamma float64) []float32 {
	weights := make([]float32, len(alphasCumprod))
	for i, alpha := range alphasCumprod {
		snr := float64(alpha) / (1 - float64(alpha))
		weight := min(snr, gamma)
		switch prediction {
		case "epsilon":
			weight /= snr
		case "v_prediction":
			weight /= snr + 1
		}
		weights[i] = float32(weight)
	}
	return weights
}
