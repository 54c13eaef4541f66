package record

import (
	"encoding/json"
	"reflect"
	"slices"
)

// Drawing says how samples were drawn.
type Drawing struct {
	Step        int    // update after which they were drawn
	Epoch       int    // epochs finished by then
	Sampler     string // its name, with the options that are not the default
	SamplerJSON string // the sampler's whole config
	Steps       int    // of sampling
	Guidance    float64
	Seed        uint64  // of the noise that they started from
	NFE         int     // network calls for each image
	Images      int     // images drawn
	Seconds     float64 // wall time for all of them, without compilation
	UsedEMA     bool
	// WeightsFile is the name of the file that the weights were read from, and
	// WeightsSHA256 that of its bytes, where they are not the run's own.
	WeightsFile, WeightsSHA256 string
	// Warnings are what a reader of the pictures or of what was measured on them should know, such as a first timestep far
	// from the noise. A build that knew of none recorded none.
	Warnings []string
}

// ImagesPerSecond is the speed of sampling; 0 if it was not timed.
func (d Drawing) ImagesPerSecond() float64 {
	if d.Seconds == 0 {
		return 0
	}
	return float64(d.Images) / d.Seconds
}

// Same tells whether two drawings were of the same step and in the same way, however long they took.
func (d Drawing) Same(other Drawing) bool {
	d.Seconds, other.Seconds = 0, 0
	d.Epoch, other.Epoch = 0, 0
	d.Sampler, other.Sampler = "", ""     // SamplerJSON says more
	d.Warnings, other.Warnings = nil, nil // are about the rest
	return reflect.DeepEqual(d, other)
}

// WarningsOf are the warnings of drawings, each once, in the order in which they appear.
func WarningsOf[D any](list []D, of func(D) Drawing) []string {
	var said []string
	for _, d := range list {
		for _, warning := range of(d).Warnings {
			if !slices.Contains(said, warning) {
				said = append(said, warning)
			}
		}
	}
	return said
}

// JSON is the drawing as commands print it.
func (d Drawing) JSON() map[string]any {
	j := map[string]any{"step": d.Step, "epoch": d.Epoch, "sampler": d.Sampler, "sampler_config": json.RawMessage(d.SamplerJSON),
		"steps":    d.Steps,
		"guidance": d.Guidance, "seed": d.Seed, "nfe": d.NFE, "images": d.Images, "seconds": d.Seconds, "ema": d.UsedEMA}
	if d.WeightsFile != "" {
		j["weights_file"], j["weights_sha256"] = d.WeightsFile, d.WeightsSHA256
	}
	if len(d.Warnings) > 0 {
		j["warnings"] = d.Warnings
	}
	return j
}
