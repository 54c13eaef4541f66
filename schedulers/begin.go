package schedulers

// FarFromNoise says by how many timesteps a plan of a diffusion sampler begins before the last one that the model was trained
// on, at which a sample is pure noise, if that is more than a tenth of all; else 0. It is 0 for samplers of flows, which
// begin at the noise itself.
//
// Such a plan gives the model pure noise and tells it that there is an image in it, as the leading spacing does in few steps
// (Lin et al. 2024, arXiv:2305.08891, section 3.3).
func (p Plan) FarFromNoise(trainTimesteps int) int {
	if len(p.Times) > 0 {
		return 0
	}
	if before := trainTimesteps - 1 - int(p.Calls[0].Timestep); before > trainTimesteps/10 {
		return before
	}
	return 0
}
