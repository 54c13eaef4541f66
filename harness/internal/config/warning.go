package config

import (
	"fmt"
	"slices"

	"flowharness/schedulers"
)

// EnoughImages is how many images a measurement of samples should have. With
// fewer, what depends on their number says little: of 200 images of pure noise
// three quarters count as realistic (precision 0.76 against MNIST), of 1,000
// 0.04.
const EnoughImages = 1000

// FewImages says what is wrong with measuring so few images; "" if nothing is.
func FewImages(images int) string {
	if images >= EnoughImages {
		return ""
	}
	return fmt.Sprintf("%d images are few to measure: the Fréchet distance, precision, recall, density and coverage depend on their number "+
		"(of 200 images of pure noise precision is 0.76); %d or more are better", images, EnoughImages)
}

// measuring warns of few images, unless no number is given and nothing measured: a
// small dataset then has no more of them.
func (v *validator) measuring() {
	if !v.isSet("metrics.images") && !v.config.Metrics.AtEnd {
		return
	}
	if few := FewImages(v.config.Metrics.Images); few != "" {
		v.warn("metrics.images", few)
	}
}

// FewSteps says what is wrong with sampling in so few steps; "" if nothing is.
func FewSteps(sampler schedulers.SamplerConfig, process schedulers.ProcessConfig, steps int) string {
	s, err := schedulers.NewSampler(sampler, process)
	if err != nil {
		return "" // what is wrong then is said elsewhere
	}
	plan, err := s.Plan(steps)
	if err != nil {
		return ""
	}
	before := plan.FarFromNoise(process.NumTrainTimesteps)
	if before == 0 {
		return ""
	}
	last := process.NumTrainTimesteps - 1
	return fmt.Sprintf("%s in %d steps begins at timestep %d, not at %d, where a sample is pure noise: what it draws is noisy; "+
		"with timestep_spacing: trailing it begins there", sampler.Name, steps, last-before, last)
}

// DrawingWarnings are what a reader of pictures that are drawn so should know.
func DrawingWarnings(sampler schedulers.SamplerConfig, process schedulers.ProcessConfig, steps int) []string {
	return said(FewSteps(sampler, process, steps))
}

// MeasuringWarnings are what a reader of what is measured on so many images, drawn so, should know.
func MeasuringWarnings(sampler schedulers.SamplerConfig, process schedulers.ProcessConfig, steps, images int) []string {
	return said(FewSteps(sampler, process, steps), FewImages(images))
}

// said leaves out what is empty.
func said(warnings ...string) []string {
	return slices.DeleteFunc(warnings, func(w string) bool { return w == "" })
}

func (v *validator) beginnings() {
	for i, sampler := range v.config.Sampling.Samplers {
		for _, steps := range v.config.Sampling.Steps {
			if few := FewSteps(sampler, v.config.Process, steps); few != "" {
				v.warn(samplersKey(i), few)
				break // fewer steps are worse, and said together
			}
		}
	}
}

// warn adds what a reader should know of a key's valid value.
func (v *validator) warn(key, message string) {
	at, _ := v.placeOf(key)
	v.warnings = append(v.warnings, Problem{Place: at, Key: key, Message: message})
}
