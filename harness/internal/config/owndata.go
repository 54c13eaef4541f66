package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/files"
)

// OwnData says how data of one's own is read. None of it is written out, and none is
// hashed, where it is not set.
type OwnData struct {
	Size         int     `yaml:"size,omitempty" json:"size,omitempty" jsonschema:"minimum=1,maximum=4096"`
	ColorMode    string  `yaml:"color_mode,omitempty" json:"color_mode,omitempty" jsonschema:"enum=grayscale,enum=rgb"`
	TestFraction float64 `yaml:"test_fraction,omitempty" json:"test_fraction,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1"`
	SkipBroken   bool    `yaml:"skip_broken,omitempty" json:"skip_broken,omitempty"`
	Memory       float64 `yaml:"memory,omitempty" json:"memory,omitempty" hash:"-" jsonschema:"exclusiveMinimum=0,maximum=1000000"`

	Found dataset.Found `yaml:"found,omitempty" json:"found,omitzero"`
}

// DescribeKeys says what each key is for.
func (OwnData) DescribeKeys() map[string]string {
	return map[string]string{
		"size": "Scale pictures, antialiased, until their shorter side has so many pixels, and keep the square in the middle. " +
			"Default: as they are, which must be of one size.",
		"color_mode": "Make images grey, or red, green and blue. Default: grayscale if all pictures are grey by their format, else " +
			"rgb.",
		"test_fraction": "Part of the images that is tested on, chosen by the hash of each, where no folder, file or name says which. " +
			"Default: 0.1.",
		"skip_broken": "Leave out pictures that cannot be read, with a warning, instead of refusing all.",
		"memory": "GiB of memory that the images of a split may take up; more are read from a file that is mapped into memory. " +
			"Default: a quarter of the machine's.",
		"found": "What the data was found to hold. Filled in; given, other data is refused.",
	}
}

// colorModes are values of data.color_mode and the channels they stand for.
var colorModes = map[string]int{"grayscale": 1, "rgb": 3}

// Options are those to open a split of the data with.
func (d Data) Options(split string, limit int) dataset.Options {
	return dataset.Options{Name: d.Name, Dir: d.Dir, Split: split, Limit: limit, Own: dataset.Own{
		Size: d.Size, Channels: colorModes[d.ColorMode], TestFraction: d.TestFraction, SkipBroken: d.SkipBroken,
		Memory: int64(d.Memory * (1 << 30)), Expect: d.Found}}
}

// ownKeys are the keys of [OwnData], and the datasets that take each.
var ownKeys = []struct {
	key   string
	isSet func(d Data) bool
	of    []string
}{
	{"size", func(d Data) bool { return d.Size != 0 }, dataset.OwnNames()},
	{"color_mode", func(d Data) bool { return d.ColorMode != "" }, dataset.OwnNames()},
	{"test_fraction", func(d Data) bool { return d.TestFraction != 0 }, dataset.OwnNames()},
	{"skip_broken", func(d Data) bool { return d.SkipBroken }, []string{"image_folder"}},
	{"found", func(d Data) bool { return !d.Found.IsZero() }, dataset.OwnNames()},
}

// measureData fills in what data of one's own holds, unless it is known already, as of recorded configs.
func (c *Config) measureData() error {
	if !dataset.IsOwn(c.Data.Name) || !c.Data.Found.IsZero() {
		return nil
	}
	d := c.Data
	dir, err := files.Expand(d.Dir)
	if err != nil {
		return err
	}
	d.Dir = dir
	found, err := dataset.Measure(dataset.Attended(), d.Options("train", 0))
	c.Data.Found = found
	return err
}

// ownData checks the keys of data of one's own.
func (v *validator) ownData() {
	d := v.config.Data
	for _, k := range ownKeys {
		if k.isSet(d) && !slices.Contains(k.of, d.Name) {
			v.fail("data."+k.key, []string{"data.name"}, "is for %s, and data.name is %s", alternatives(k.of), d.Name)
		}
	}
	if f := d.Found; !f.IsZero() && (f.Height < 1 || f.Width < 1 || f.Channels < 1 || f.Train < 1) {
		v.fail("data.found", nil, "does not say all that was found: leave it out, to have it filled in")
	}
	switch {
	case v.dataProblem != nil:
		v.fail("data.dir", []string{"data.name", "data.size", "data.skip_broken"}, "%v", cause(v.dataProblem))
	case len(d.Found.Skipped) > 0:
		v.warn("data.skip_broken", fmt.Sprintf("%d of %d pictures cannot be read and are left out, such as %s", len(d.Found.Skipped),
			len(d.Found.Skipped)+d.Found.Train+d.Found.Test, d.Found.Skipped[0]))
	}
}

// cause is an error without the name of the dataset before it, which the config's place says.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "dataset ") {
		return inner
	}
	return err
}
