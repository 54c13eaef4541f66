package train

import (
	"math"

	"flowharness/harness/internal/config"
)

// LearningRate is the learning rate of update n = 1 … steps.
//
// With warm-up over W updates it rises linearly, lr·n/W. After that `constant`
// stays at lr and `cosine` falls as lr·½(1 + cos(π·p)), p = (n−1−W)/(steps−W)
// going from 0 towards 1 (Loshchilov & Hutter, "SGDR", eq. 5, one period).
func LearningRate(c config.Train, n, steps int) float64 {
	w := c.WarmupSteps
	switch {
	case n <= w:
		return c.LR * float64(n) / float64(w)
	case c.LRSchedule == config.Cosine:
		p := float64(n-1-w) / float64(steps-w)
		return c.LR * 0.5 * (1 + math.Cos(math.Pi*p))
	default:
		return c.LR
	}
}
