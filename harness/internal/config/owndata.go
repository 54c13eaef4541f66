package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/files"
)

// OwnData says how data of one's own is read: folders of pictures, arrays and tables. None of it is written out, and none is
// hashed, where it is not set.
type OwnData struct {
	File           string `yaml:"file,omitempty" json:"file,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npz, npy, parquet: the file of images. Default: none."`
	LabelsFile     string `yaml:"labels_file,omitempty" json:"labels_file,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npy: the file of their labels. Default: images without labels."`
	TestFile       string `yaml:"test_file,omitempty" json:"test_file,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npz, npy, parquet: a file of images to test on. Default: those that the file itself says, or data.test_fraction of all."`
	TestLabelsFile string `yaml:"test_labels_file,omitempty" json:"test_labels_file,omitempty" hash:"-" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npy: the file of the labels of data.test_file. Default: none."`

	Images       string   `yaml:"images,omitempty" json:"images,omitempty" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npz, parquet: name of the array or column of images. Default: a usual one, such as images, x_train, image or img."`
	Labels       string   `yaml:"labels,omitempty" json:"labels,omitempty" jsonschema:"pattern=^[^\\x00-\\x1f]*$" jsonschema_description:"npz, parquet: name of the array or column of labels; none for images without labels. Default: a usual one, such as labels, y_train or label."`
	Size         int      `yaml:"size,omitempty" json:"size,omitempty" jsonschema:"minimum=1,maximum=4096" jsonschema_description:"Scale pictures, antialiased, until their shorter side has so many pixels, and keep the square in the middle. Default: as they are, which must be of one size."`
	ColorMode    string   `yaml:"color_mode,omitempty" json:"color_mode,omitempty" jsonschema:"enum=grayscale,enum=rgb" jsonschema_description:"Make images grey, or red, green and blue. Default: grayscale if all pictures are grey by their format, else rgb."`
	TestFraction float64  `yaml:"test_fraction,omitempty" json:"test_fraction,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" jsonschema_description:"Part of the images that is tested on, chosen by the hash of each, where no folder, file or name says which. Default: 0.1."`
	SkipBroken   bool     `yaml:"skip_broken,omitempty" json:"skip_broken,omitempty" jsonschema_description:"Leave out pictures that cannot be read, with a warning, instead of refusing all."`
	Layout       string   `yaml:"layout,omitempty" json:"layout,omitempty" jsonschema:"enum=nhw,enum=nhwc,enum=nchw" jsonschema_description:"npz, npy: the order of an array's dimensions, where it is not clear: images, height, width, channels. Default: the one that fits, if there is only one."`
	ValueRange   Interval `yaml:"value_range,omitempty,flow" json:"value_range,omitzero" jsonschema_description:"npz, npy: the values [black, white] of float arrays. Default: [0, 1], [-1, 1] or [0, 255], the first that holds all."`
	Memory       float64  `yaml:"memory,omitempty" json:"memory,omitempty" hash:"-" jsonschema:"exclusiveMinimum=0,maximum=1000000" jsonschema_description:"GiB of memory that the images of a split may take up; more are read from a file that is mapped into memory. Default: a quarter of the machine's."`

	Found dataset.Found `yaml:"found,omitempty" json:"found,omitzero" jsonschema_description:"What the data was found to hold. Filled in; given, other data is refused."`
}

// colorModes are values of data.color_mode and the channels they stand for.
var colorModes = map[string]int{"grayscale": 1, "rgb": 3}

// Options are those to open a split of the data with.
func (d Data) Options(split string, limit int) dataset.Options {
	return dataset.Options{Name: d.Name, Dir: d.Dir, Split: split, Limit: limit, Own: dataset.Own{
		File: d.File, LabelsFile: d.LabelsFile, TestFile: d.TestFile, TestLabelsFile: d.TestLabelsFile, Images: d.Images, Labels: d.Labels,
		Size: d.Size, Channels: colorModes[d.ColorMode], TestFraction: d.TestFraction, SkipBroken: d.SkipBroken, Layout: d.Layout,
		ValueRange: [2]float64(d.ValueRange), Memory: int64(d.Memory * (1 << 30)), Expect: d.Found}}
}

// ownKeys are the keys of [OwnData], and the datasets that take each.
var ownKeys = []struct {
	key   string
	isSet func(d Data) bool
	of    []string
}{
	{"file", func(d Data) bool { return d.File != "" }, []string{"npz", "npy", "parquet"}},
	{"labels_file", func(d Data) bool { return d.LabelsFile != "" }, []string{"npy"}},
	{"test_file", func(d Data) bool { return d.TestFile != "" }, []string{"npz", "npy", "parquet"}},
	{"test_labels_file", func(d Data) bool { return d.TestLabelsFile != "" }, []string{"npy"}},
	{"images", func(d Data) bool { return d.Images != "" }, []string{"npz", "parquet"}},
	{"labels", func(d Data) bool { return d.Labels != "" }, []string{"npz", "parquet"}},
	{"size", func(d Data) bool { return d.Size != 0 }, dataset.OwnNames()},
	{"color_mode", func(d Data) bool { return d.ColorMode != "" }, dataset.OwnNames()},
	{"test_fraction", func(d Data) bool { return d.TestFraction != 0 }, dataset.OwnNames()},
	{"skip_broken", func(d Data) bool { return d.SkipBroken }, []string{"image_folder", "parquet"}},
	{"layout", func(d Data) bool { return d.Layout != "" }, []string{"npz", "npy"}},
	{"value_range", func(d Data) bool { return !d.ValueRange.IsZero() }, []string{"npz", "npy"}},
	{"found", func(d Data) bool { return !d.Found.IsZero() }, dataset.OwnNames()},
}

// measureData fills in what data of one's own holds, unless it is known already, as of recorded configs.
func (c *Config) measureData() error {
	if !dataset.IsOwn(c.Data.Name) || !c.Data.Found.IsZero() {
		return nil
	}
	d := c.Data
	for _, path := range []*string{&d.Dir, &d.File, &d.LabelsFile, &d.TestFile, &d.TestLabelsFile} {
		expanded, err := files.Expand(*path)
		if err != nil {
			return err
		}
		*path = expanded
	}
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
	if !d.ValueRange.IsZero() && !(d.ValueRange[0] < d.ValueRange[1]) {
		v.fail("data.value_range", nil, "must be [a, b] with a below b, got [%v, %v]", d.ValueRange[0], d.ValueRange[1])
	}
	switch {
	case v.dataProblem != nil:
		v.fail(v.dataKey(), []string{"data.name", "data.size", "data.skip_broken"}, "%v", cause(v.dataProblem))
	case len(d.Found.Skipped) > 0:
		v.warn("data.skip_broken", fmt.Sprintf("%d of %d pictures cannot be read and are left out, such as %s", len(d.Found.Skipped),
			len(d.Found.Skipped)+d.Found.Train+d.Found.Test, d.Found.Skipped[0]))
	}
}

// dataKey is the key that says where data of one's own is.
func (v *validator) dataKey() string {
	if v.config.Data.File != "" {
		return "data.file"
	}
	return "data.dir"
}

// cause is an error without the name of the dataset before it, which the config's place says.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "dataset ") {
		return inner
	}
	return err
}
