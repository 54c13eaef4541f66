// Package dit holds the diffusion transformer (DiT, Peebles & Xie 2023), which SiT (Ma et al.
// 2024) trains on flows, as a pure function of its parameters.
package dit

import (
	"fmt"
	"slices"

	"flowharness/models"
)

// Registration describes the transformer to those that make networks by name.
var Registration = models.Registration[Options]{
	Name: "dit",
	About: "the diffusion transformer DiT (Peebles & Xie 2023), which SiT trains on flows: attention over patches, time and class by " +
		"adaLN-Zero.",
	ForImages: true,
	Options:   Options{Preset: "tiny", PatchSize: 2, MLPRatio: 4, ClassConditional: true},

	Follows:     []models.Following{{Key: "hidden_size", On: "preset"}, {Key: "depth", On: "preset"}, {Key: "num_heads", On: "preset"}},
	SetDefaults: func(o *Options, data models.Data) { o.setDefaults(data) },
	Validate:    Options.validate,

	TakesClasses: func(o Options) bool { return o.ClassConditional },
	New: func(o Options, data models.Data, precision models.Precision) models.Network {
		return New(o, data, precision)
	},
}

// Options describe a DiT.
type Options struct {
	Preset           string  `yaml:"preset" json:"preset" jsonschema:"enum=tiny,enum=S,enum=B,enum=L,enum=XL"`
	PatchSize        int     `yaml:"patch_size" json:"patch_size" jsonschema:"minimum=1,maximum=256"`
	HiddenSize       int     `yaml:"hidden_size" json:"hidden_size" jsonschema:"minimum=4,maximum=16384"`
	Depth            int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=256"`
	NumHeads         int     `yaml:"num_heads" json:"num_heads" jsonschema:"minimum=1,maximum=1024"`
	MLPRatio         float64 `yaml:"mlp_ratio" json:"mlp_ratio" jsonschema:"exclusiveMinimum=0,maximum=64"`
	ClassConditional bool    `yaml:"class_conditional" json:"class_conditional"`
}

// DescribeKeys says what each key is for.
func (Options) DescribeKeys() map[string]string {
	return map[string]string{
		"preset": "Size, by the names of the paper: what hidden_size, depth and num_heads are if they are left out. S has 33 " +
			"million parameters, B 130, L 458, XL 675. tiny (128 wide, 4 blocks, 4 heads: 1.3 million) is for processors.",
		"patch_size": "Height and width of the patches that an image is cut into, each of which is a token; divides the height and " +
			"the width of images. Half of it is four times the tokens.",
		"hidden_size":       "Values of a token, a multiple of 4 and of num_heads. Default: the preset's.",
		"depth":             "Transformer blocks. Default: the preset's.",
		"num_heads":         "Attention heads of a block; divides hidden_size. Default: the preset's.",
		"mlp_ratio":         "Hidden values of a block's perceptron, as a multiple of hidden_size.",
		"class_conditional": "Whether the network is told the class. Without classes in the data it is not.",
	}
}

// preset is a size by name. Those of the paper are its table 1.
type preset struct {
	name                string
	hidden, depth, head int
}

var presets = []preset{{"tiny", 128, 4, 4}, {"S", 384, 12, 6}, {"B", 768, 12, 12}, {"L", 1024, 24, 16}, {"XL", 1152, 28, 16}}

// setDefaults fills what is unset and follows from the preset or the data.
func (o *Options) setDefaults(data models.Data) {
	if data.Classes == 0 {
		o.ClassConditional = false
	}
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == o.Preset })
	if i < 0 {
		return // validate says so
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&o.HiddenSize, presets[i].hidden}, {&o.Depth, presets[i].depth}, {&o.NumHeads, presets[i].head}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// validate reports everything that is wrong with the options by themselves and for the data.
func (o Options) validate(data models.Data, p *models.Problems) {
	if !slices.ContainsFunc(presets, func(s preset) bool { return s.name == o.Preset }) {
		p.Fail("preset", nil, "must be one of tiny, S, B, L, XL, got %q", o.Preset)
		return
	}
	if p.Check(o.PatchSize > 0, "patch_size", "must be at least 1, is %d", o.PatchSize) &&
		(data.Height%o.PatchSize != 0 || data.Width%o.PatchSize != 0) {
		p.Fail("patch_size", nil, "%d does not divide the images of dataset %s, which are %d×%d; use one of: %s", o.PatchSize, data.Name,
			data.Height, data.Width, divisors(data.Height, data.Width))
	}
	if !p.Check(o.HiddenSize > 0, "hidden_size", "must be at least 1, is %d", o.HiddenSize) ||
		!p.Check(o.NumHeads > 0, "num_heads", "must be at least 1, is %d", o.NumHeads) {
		return
	}
	p.Check(o.Depth > 0, "depth", "must be at least 1, is %d", o.Depth)
	related := []string{"hidden_size", "preset"}
	if o.HiddenSize%o.NumHeads != 0 {
		p.Fail("num_heads", related, "%d does not divide hidden_size %d", o.NumHeads, o.HiddenSize)
	}
	if o.HiddenSize%4 != 0 {
		p.Fail("hidden_size", nil, "%d is not a multiple of 4: of a token's position there are as many sines as cosines in each direction",
			o.HiddenSize)
	}
	p.Check(o.mlpSize() >= 1, "mlp_ratio", "%g leaves a perceptron %d wide no hidden values", o.MLPRatio, o.HiddenSize)
}

func (o Options) mlpSize() int { return int(float64(o.HiddenSize) * o.MLPRatio) }

// divisors lists the numbers that divide both height and width.
func divisors(height, width int) string {
	var text string
	for n := 1; n <= min(height, width); n++ {
		if height%n == 0 && width%n == 0 {
			text += fmt.Sprintf(", %d", n)
		}
	}
	return text[2:]
}
