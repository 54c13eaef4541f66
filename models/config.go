// Package models holds the class-conditioned UNet2D of diffusers as a pure
// function of its parameters.
package models

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Config describes a UNet2D; the keys are diffusers' names.
type Config struct {
	SampleSize       int      `yaml:"sample_size" json:"sample_size"`                    // height and width of an image
	InChannels       int      `yaml:"in_channels" json:"in_channels"`                    // image channels, without those of the class embedding
	OutChannels      int      `yaml:"out_channels" json:"out_channels"`                  // channels of the prediction
	BlockOutChannels []int    `yaml:"block_out_channels,flow" json:"block_out_channels"` // channels of each level, finest first
	LayersPerBlock   int      `yaml:"layers_per_block" json:"layers_per_block"`          // residual blocks of a down block; an up block has one more
	DownBlockTypes   []string `yaml:"down_block_types,flow" json:"down_block_types"`     // DownBlock2D or AttnDownBlock2D, one a level
	UpBlockTypes     []string `yaml:"up_block_types,flow" json:"up_block_types"`         // UpBlock2D or AttnUpBlock2D, one a level, coarsest first
	NormNumGroups    int      `yaml:"norm_num_groups" json:"norm_num_groups"`            // groups of every GroupNorm
	NormEps          float64  `yaml:"norm_eps" json:"norm_eps"`                          // added to the variance
	AttentionHeadDim int      `yaml:"attention_head_dim" json:"attention_head_dim"`      // width of a head, not their number
	NumClasses       int      `yaml:"num_classes" json:"num_classes"`                    // rows of the class embedding; row 0 is "no class"
	ClassEmbedSize   int      `yaml:"class_emb_size" json:"class_emb_size"`              // channels the class embedding adds to the input; 0 makes an unconditional network
}

// DefaultConfig is the network of the rectified-flow tutorial on MNIST.
func DefaultConfig() Config {
	return Config{SampleSize: 28, InChannels: 1, OutChannels: 1, BlockOutChannels: []int{32, 64, 64}, LayersPerBlock: 2,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"},
		UpBlockTypes:   []string{"AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"},
		NormNumGroups:  32, NormEps: 1e-5, AttentionHeadDim: 8, NumClasses: 11, ClassEmbedSize: 8}
}

// ConfigError is a value that a UNet2D cannot have.
type ConfigError struct {
	Key     string // the yaml key, such as "block_out_channels"
	Problem string
}

func (e *ConfigError) Error() string { return e.Key + ": " + e.Problem }

// Validate reports everything that is wrong with the config, as joined
// [*ConfigError]s.
func (c Config) Validate() error {
	var errs []error
	fail := func(key, format string, args ...any) {
		errs = append(errs, &ConfigError{key, fmt.Sprintf(format, args...)})
	}
	for _, v := range []struct {
		key   string
		value int
	}{
		{"sample_size", c.SampleSize}, {"in_channels", c.InChannels}, {"out_channels", c.OutChannels}, {"layers_per_block", c.LayersPerBlock},
		{"norm_num_groups", c.NormNumGroups}, {"attention_head_dim", c.AttentionHeadDim}, {"num_classes", c.NumClasses},
	} {
		if v.value < 1 {
			fail(v.key, "must be at least 1, is %d", v.value)
		}
	}
	if c.ClassEmbedSize < 0 {
		fail("class_emb_size", "must not be negative, is %d", c.ClassEmbedSize)
	}
	if c.NormEps <= 0 {
		fail("norm_eps", "must be greater than 0, is %g", c.NormEps)
	}
	levels := len(c.BlockOutChannels)
	if levels == 0 {
		fail("block_out_channels", "must name the channels of at least one level")
	}
	for i, ch := range c.BlockOutChannels {
		switch {
		case ch < 2 || ch%2 != 0:
			fail("block_out_channels", "level %d has %d channels; they must be even and positive", i, ch)
		case c.NormNumGroups > 0 && ch%c.NormNumGroups != 0:
			fail("block_out_channels", "level %d has %d channels, which norm_num_groups %d does not divide", i, ch, c.NormNumGroups)
		case c.attends(i) && c.AttentionHeadDim > 0 && ch%c.AttentionHeadDim != 0:
			fail("attention_head_dim", "%d does not divide the %d channels of level %d", c.AttentionHeadDim, ch, i)
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
	checkTypes("down_block_types", c.DownBlockTypes, "DownBlock2D", "AttnDownBlock2D")
	checkTypes("up_block_types", c.UpBlockTypes, "UpBlock2D", "AttnUpBlock2D")
	if levels > 0 && levels < 16 && c.SampleSize > 0 && c.SampleSize%(1<<(levels-1)) != 0 {
		fit := bits.TrailingZeros(uint(c.SampleSize)) + 1
		fail("block_out_channels", "%d levels halve the image %d times; %d pixels allow at most %d levels", levels, levels-1, c.SampleSize, fit)
	}
	return errors.Join(errs...)
}

// attends says whether any block of a level has attention. The mid block, on
// the coarsest level, always has.
func (c Config) attends(level int) bool {
	last := len(c.BlockOutChannels) - 1
	if level == last {
		return true
	}
	down := level < len(c.DownBlockTypes) && c.DownBlockTypes[level] == "AttnDownBlock2D"
	up := last-level < len(c.UpBlockTypes) && c.UpBlockTypes[last-level] == "AttnUpBlock2D"
	return down || up
}
