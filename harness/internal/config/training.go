package config

// TrainingHash identifies what decides the training of a config: configs of one
// training hash differ in what they draw and call themselves only, so that one
// training serves all of them. Of `sampling` only what the validation loss is
// computed with counts, and only if there is one.
func (r *Resolved) TrainingHash() (string, error) {
	c := r.Config
	var kept Sampling
	if c.Metrics.ValidationImages > 0 {
		kept.Seed, kept.UseEMA = c.Sampling.Seed, c.Sampling.UseEMA
	}
	c.Sampling = kept
	return c.hash()
}
