// Package unet holds the class-conditioned UNet2D of diffusers as a pure function of
// its parameters.
package unet

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"flowharness/models"
)

// Registration describes the UNet to those that make networks by name.
var Registration = models.Registration[Options]{
	Name:    "unet2d",
	About:   "the class-conditioned UNet2D, with the names of diffusers. The defaults are the rectified-flow tutorial's.",
	Options: Defaults(), ForImages: true,

	Follows:     []models.Following{{Key: "down_block_types", On: "block_out_channels"}, {Key: "up_block_types", On: "block_out_channels"}},
	SetDefaults: func(o *Options, data models.Data) { o.setDefaults(data) },
	Validate:    Options.validate,

	TakesClasses: func(o Options) bool { return o.ClassEmbedSize > 0 || o.addsClasses() },
	New: func(o Options, _ models.Data, precision models.Precision) models.Network {
		return New(o, precision)
	},
	Diffusers: diffusers,
}

// Options describe a UNet2D; the keys are diffusers' names.
type Options struct {
	SampleSize  int `yaml:"sample_size" json:"sample_size" jsonschema:"minimum=1,maximum=1024"`
	InChannels  int `yaml:"in_channels" json:"in_channels" jsonschema:"minimum=1,maximum=16"`
	OutChannels int `yaml:"out_channels" json:"out_channels" jsonschema:"minimum=1,maximum=16"`

	BlockOutChannels []int `yaml:"block_out_channels,flow" json:"block_out_channels" jsonschema:"minItems=1,maxItems=8,minimum=2,maximum=4096"`

	LayersPerBlock int `yaml:"layers_per_block" json:"layers_per_block" jsonschema:"minimum=1,maximum=16"`

	DownBlockTypes []string `yaml:"down_block_types,flow" json:"down_block_types" jsonschema:"minItems=1,maxItems=8,enum=DownBlock2D,enum=AttnDownBlock2D"`

	UpBlockTypes []string `yaml:"up_block_types,flow" json:"up_block_types" jsonschema:"minItems=1,maxItems=8,enum=UpBlock2D,enum=AttnUpBlock2D"`

	NormNumGroups    int     `yaml:"norm_num_groups" json:"norm_num_groups" jsonschema:"minimum=1,maximum=4096"`
	NormEps          float64 `yaml:"norm_eps" json:"norm_eps" jsonschema:"exclusiveMinimum=0,maximum=1"`
	AttentionHeadDim int     `yaml:"attention_head_dim" json:"attention_head_dim" jsonschema:"minimum=1,maximum=4096"`
	NumClasses       int     `yaml:"num_classes" json:"num_classes" jsonschema:"minimum=1,maximum=100000"`
	ClassEmbedSize   int     `yaml:"class_emb_size" json:"class_emb_size" jsonschema:"minimum=0,maximum=1024"`

	ClassEmbedType ClassEmbedType `yaml:"class_embed_type,omitempty" json:"class_embed_type,omitzero" jsonschema:"enum=timestep"`
	NumClassEmbeds int            `yaml:"num_class_embeds,omitempty" json:"num_class_embeds,omitzero" jsonschema:"minimum=0,maximum=100000"`

	TimeScaleShift TimeScaleShift `yaml:"resnet_time_scale_shift,omitempty" json:"resnet_time_scale_shift,omitzero" jsonschema:"enum=default,enum=scale_shift"`

	Dropout float64 `yaml:"dropout,omitempty" json:"dropout,omitzero" jsonschema:"minimum=0,exclusiveMaximum=1"`
}

// DescribeKeys says what each key is for.
func (Options) DescribeKeys() map[string]string {
	return map[string]string{
		"sample_size":        "Height of an image, which every level but the first halves, as it does the width. Default: the data's.",
		"in_channels":        "Channels of an image, without those of the class embedding. Default: the data's.",
		"out_channels":       "Channels of the prediction. Default: the data's.",
		"block_out_channels": "Channels of each level, the finest first.",
		"layers_per_block":   "Residual blocks of a down block; an up block has one more.",
		"down_block_types":   "One for each level, the finest first. Default: DownBlock2D, then AttnDownBlock2D.",
		"up_block_types":     "One for each level, the coarsest first. Default: AttnUpBlock2D, at last UpBlock2D.",
		"norm_num_groups":    "Groups of every GroupNorm; divides all block_out_channels.",
		"norm_eps":           "Added to the variance in every GroupNorm.",
		"attention_head_dim": "Width of an attention head (not their number).",
		"num_classes":        "Rows of the class embedding; row 0 is \"no class\". Default: one more than the data has classes.",
		"class_emb_size": "Channels that the class embedding adds to the input; with 0 none, and the network is told the class only if " +
			"class_embed_type or num_class_embeds says so. 0 where the data has no classes.",
		"class_embed_type": "timestep: the class is embedded as the time is, by cosines, sines and two linear layers, and added to the " +
			"time embedding. For the class to come in this way alone, set class_emb_size to 0. Default: what " +
			"num_class_embeds says.",
		"num_class_embeds": "Rows of a learned class embedding that is added to the time embedding: one more than the data has classes, " +
			"since row 0 is \"no class\"; 0 is none. For the class to come in this way alone, set class_emb_size to 0.",
		"resnet_time_scale_shift": "What a residual block does with the time embedding. default: it is added. scale_shift: it scales and " +
			"shifts " +
			"what the second norm returns. Default: default.",
		"dropout": "Probability with which a value before the second convolution of a residual block is left out in training.",
	}
}

// ClassEmbedType says how the class embedding that is added to the time embedding is made; "" leaves it to num_class_embeds.
type ClassEmbedType string

// ClassAsTimestep embeds the label as the timestep is embedded.
const ClassAsTimestep ClassEmbedType = "timestep"

// TimeScaleShift says what a residual block does with the time embedding; "" is [AddTime].
type TimeScaleShift string

// The time embedding is added, or scales and shifts (Dhariwal & Nichol 2021, section 4.1, adaptive group normalization).
const (
	AddTime            TimeScaleShift = "default"
	ScaleAndShiftTimes TimeScaleShift = "scale_shift"
)

// IsZero reports whether it is the usual one, which hashes of configs leave out.
func (t TimeScaleShift) IsZero() bool { return t == "" || t == AddTime }

// Defaults is the network of the rectified-flow tutorial, but for what follows from the data.
func Defaults() Options {
	return Options{BlockOutChannels: []int{32, 64, 64}, LayersPerBlock: 2,
		NormNumGroups: 32, NormEps: 1e-5, AttentionHeadDim: 8, ClassEmbedSize: 8}
}

// setDefaults fills what is unset and follows from the data or from the number of levels.
func (o *Options) setDefaults(data models.Data) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.SampleSize, data.Height}, {&o.InChannels, data.Channels}, {&o.OutChannels, data.Channels}, {&o.NumClasses, data.Classes + 1}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if data.Classes == 0 {
		o.ClassEmbedSize = 0
	}
	levels := len(o.BlockOutChannels)
	if len(o.DownBlockTypes) == 0 && levels > 0 {
		o.DownBlockTypes = blockTypes(levels, 0, "DownBlock2D", "AttnDownBlock2D")
	}
	if len(o.UpBlockTypes) == 0 && levels > 0 {
		o.UpBlockTypes = blockTypes(levels, levels-1, "UpBlock2D", "AttnUpBlock2D")
	}
}

// blockTypes puts attention on every level but the one of full resolution.
func blockTypes(levels, full int, plain, attention string) []string {
	types := slices.Repeat([]string{attention}, levels)
	types[full] = plain
	return types
}

// shape are the keys whose values have to fit together.
var shape = []string{"block_out_channels", "down_block_types", "up_block_types", "norm_num_groups", "attention_head_dim", "sample_size"}

// validate reports everything that is wrong with the options by themselves and for the data.
func (o Options) validate(data models.Data, p *models.Problems) {
	before := len(*p)
	o.check(p)
	colour := map[bool]string{true: "grey", false: "in colour"}[data.Channels == 1]
	alone := len(*p) == before
	p.Fits("sample_size", o.SampleSize, data.Height, data, fmt.Sprintf("images are %d×%d", data.Height, data.Width))
	p.Fits("in_channels", o.InChannels, data.Channels, data, "images are "+colour)
	p.Fits("out_channels", o.OutChannels, data.Channels, data, "images are "+colour)
	p.Fits("num_classes", o.NumClasses, data.Classes+1, data, fmt.Sprintf("there are %d classes and no class", data.Classes))
	o.validateClasses(data, p)
	if alone && data.Width != data.Height {
		o.SampleSize = data.Width // the levels halve the width, too
		o.check(p)
	}
}

// addsClasses says whether a class embedding is added to the time embedding.
func (o Options) addsClasses() bool { return o.ClassEmbedType != "" || o.NumClassEmbeds > 0 }

// validateClasses reports what is wrong with the class embedding that is added to the time embedding.
func (o Options) validateClasses(data models.Data, p *models.Problems) {
	related := []string{"class_embed_type", "num_class_embeds"}
	rows := data.Classes + 1
	switch {
	case data.Classes == 0 && o.ClassEmbedType != "":
		p.Fail("class_embed_type", nil, "there are no classes in dataset %s to embed; leave it out", data.Name)
	case data.Classes == 0 && o.NumClassEmbeds > 0:
		p.Fail("num_class_embeds", nil, "there are no classes in dataset %s to embed; leave it out", data.Name)
	case o.ClassEmbedType != "" && o.NumClassEmbeds > 0:
		p.Fail("num_class_embeds", related, "is the size of a learned embedding, but class_embed_type %s has none; leave one of them out",
			o.ClassEmbedType)
	case o.NumClassEmbeds != 0 && o.NumClassEmbeds != rows:
		p.Fail("num_class_embeds", nil, "must be %d for dataset %s (%d classes and \"no class\"), got %d; 0 is no such embedding", rows,
			data.Name, data.Classes, o.NumClassEmbeds)
	}
}

// check reports what is wrong with the options by themselves.
func (o Options) check(p *models.Problems) {
	fail := func(key, format string, args ...any) { p.Fail(key, shape, format, args...) }
	for _, v := range []struct {
		key   string
		value int
	}{
		{"sample_size", o.SampleSize}, {"in_channels", o.InChannels}, {"out_channels", o.OutChannels}, {"layers_per_block", o.LayersPerBlock},
		{"norm_num_groups", o.NormNumGroups}, {"attention_head_dim", o.AttentionHeadDim}, {"num_classes", o.NumClasses},
	} {
		if v.value < 1 {
			fail(v.key, "must be at least 1, is %d", v.value)
		}
	}
	if o.ClassEmbedSize < 0 {
		fail("class_emb_size", "must not be negative, is %d", o.ClassEmbedSize)
	}
	if o.ClassEmbedType != "" && o.ClassEmbedType != ClassAsTimestep {
		fail("class_embed_type", "must be timestep, or left out, got %q", o.ClassEmbedType)
	}
	if o.TimeScaleShift != ScaleAndShiftTimes && !o.TimeScaleShift.IsZero() {
		fail("resnet_time_scale_shift", "must be default or scale_shift, got %q", o.TimeScaleShift)
	}
	if o.Dropout < 0 || o.Dropout >= 1 {
		fail("dropout", "must be at least 0 and less than 1, is %g", o.Dropout)
	}
	if o.NormEps <= 0 {
		fail("norm_eps", "must be greater than 0, is %g", o.NormEps)
	}
	levels := len(o.BlockOutChannels)
	if levels == 0 {
		fail("block_out_channels", "must name the channels of at least one level")
	}
	for i, ch := range o.BlockOutChannels {
		switch {
		case ch < 2 || ch%2 != 0:
			fail("block_out_channels", "level %d has %d channels; they must be even and positive", i, ch)
		case o.NormNumGroups > 0 && ch%o.NormNumGroups != 0:
			fail("block_out_channels", "level %d has %d channels, which norm_num_groups %d does not divide", i, ch, o.NormNumGroups)
		case o.attends(i) && o.AttentionHeadDim > 0 && ch%o.AttentionHeadDim != 0:
			fail("attention_head_dim", "%d does not divide the %d channels of level %d", o.AttentionHeadDim, ch, i)
		}
	}
	checkTypes := func(key string, got []string, allowed ...string) {
		if len(got) != levels {
			fail(key, "has %d entries, block_out_channels has %d", len(got), levels)
		}
		for _, t := range got {
			if !slices.Contains(allowed, t) {
				fail(key, "unknown block type %q; use one of: %s", t, strings.Join(allowed, ", "))
			}
		}
	}
	checkTypes("down_block_types", o.DownBlockTypes, "DownBlock2D", "AttnDownBlock2D")
	checkTypes("up_block_types", o.UpBlockTypes, "UpBlock2D", "AttnUpBlock2D")
	if levels > 0 && levels < 16 && o.SampleSize > 0 && o.SampleSize%(1<<(levels-1)) != 0 {
		fit := bits.TrailingZeros(uint(o.SampleSize)) + 1
		fail("block_out_channels", "%d levels halve the image %d times; %d pixels allow at most %d levels", levels, levels-1, o.SampleSize, fit)
	}
}

// attends says whether any block of a level has attention. The mid block, on
// the coarsest level, always has.
func (o Options) attends(level int) bool {
	last := len(o.BlockOutChannels) - 1
	if level == last {
		return true
	}
	down := level < len(o.DownBlockTypes) && o.DownBlockTypes[level] == "AttnDownBlock2D"
	up := last-level < len(o.UpBlockTypes) && o.UpBlockTypes[last-level] == "AttnUpBlock2D"
	return down || up
}
