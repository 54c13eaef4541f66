package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// ownSource is a kind of data that people bring: how large its images are, and how many there are, is found out by looking.
type ownSource interface {
	Source
	// survey finds the data. It reads no more than it must to tell whether it is the same as before.
	survey(ctx context.Context, o Options) (*survey, error)
}

// survey is data of one's own before it is prepared.
type survey struct {
	// key identifies the bytes of the data, in hex: equal keys mean equal images, if they are prepared in the same way.
	key string
	dir string
	// open reads what there is besides the images.
	open func(ctx context.Context) (*contents, error)
}

// contents are the images of data of one's own before they are decoded.
type contents struct {
	classes []string // names; none for images without labels
	size    imageSize
	// each calls add with every image, in order. It ends with the first error of either.
	each  func(ctx context.Context, add func(rawImage) error) error
	close func()
}

// imageSize is a size of images; zeros are yet to be found out.
type imageSize struct{ height, width, channels int }

// rawImage is an image of data of one's own before it is decoded.
type rawImage struct {
	where string // file, or file and row: for errors
	class int
	test  bool
	// encoded reads the bytes of a picture file; pixels are there instead where the image is none.
	encoded func() ([]byte, error)
	pixels  []uint8
}

// Own says how data of one's own is read; other datasets take none of it.
type Own struct {
	Size         int // of an image's sides; 0 as they are
	Channels     int // 1 or 3; 0 as they are
	TestFraction float64
	SkipBroken   bool
	Memory       int64 // bytes that a split may take up; 0: a quarter of the machine's
	// Expect is what was found before: other data is refused. Its zero value expects nothing.
	Expect Found
}

// Found is what data of one's own was found to hold once it was prepared.
type Found struct {
	Height   int    `yaml:"height" json:"height" jsonschema:"minimum=1,maximum=4096"`
	Width    int    `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=4096"`
	Channels int    `yaml:"channels" json:"channels" jsonschema:"minimum=1,maximum=3"`
	Classes  int    `yaml:"classes" json:"classes" jsonschema:"minimum=0,maximum=256"`
	Train    int    `yaml:"train" json:"train" jsonschema:"minimum=1"`
	Test     int    `yaml:"test" json:"test" jsonschema:"minimum=0"`
	SHA256   string `yaml:"sha256" json:"sha256" jsonschema:"pattern=^[0-9a-f]{64}$"`

	// Skipped pictures are broken and left out.
	Skipped []string `yaml:"-" json:"-"`
}

// DescribeKeys says what each key is for.
func (Found) DescribeKeys() map[string]string {
	return map[string]string{
		"height":   "Height of an image, in pixels. Default: found.",
		"width":    "Width of an image, in pixels. Default: found.",
		"channels": "1: grey; 3: red, green, blue. Default: found.",
		"classes":  "Classes; 0 for images without labels. Default: found.",
		"train":    "Training images. Default: found.",
		"test":     "Test images. Default: found.",
		"sha256":   "SHA-256 of pixels and labels of both splits. Default: found.",
	}
}

// IsZero reports whether nothing was found yet.
func (f Found) IsZero() bool { return f.SHA256 == "" }

// Spec is the shape of the images.
func (f Found) Spec() Spec {
	return Spec{Height: f.Height, Width: f.Width, Channels: f.Channels, Classes: f.Classes, Train: f.Train, Test: f.Test, Bright: true}
}

// Limits of data of one's own.
const (
	maxSide    = 4096
	maxClasses = 256
)

// IsOwn reports whether a dataset is a kind of data that people bring: its shape is that of [Measure].
func IsOwn(name string) bool {
	s, err := find(name)
	_, own := s.(ownSource)
	return err == nil && own
}

// OwnNames lists those kinds.
func OwnNames() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return !IsOwn(name) })
}

// Measure prepares data of one's own, if it was not before, and says what it holds.
func Measure(ctx context.Context, o Options) (Found, error) {
	p, err := prepare(ctx, o)
	if err != nil {
		return Found{}, fmt.Errorf("dataset %s: %w", o.Name, err)
	}
	return p.Found, nil
}

// prepare makes the images of data of one's own, or finds them in the cache.
func prepare(ctx context.Context, o Options) (*pack, error) {
	s, err := find(o.Name)
	if err != nil {
		return nil, err
	}
	own, ok := s.(ownSource)
	if !ok {
		return nil, errors.New("is not data of one's own")
	}
	found, err := own.survey(ctx, o)
	if err != nil {
		return nil, err
	}
	return found.pack(ctx, o)
}

// openOwn reads a split of data of one's own.
func openOwn(ctx context.Context, o Options) (*Dataset, error) {
	p, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if want := o.Own.Expect; !want.IsZero() && want.SHA256 != p.Found.SHA256 {
		return nil, fmt.Errorf("%s holds other images than data.found says (%d to train on, %d to test on, SHA-256 %.12s): "+
			"now there are %d and %d, SHA-256 %.12s; put the files back, or begin a new run", p.dir, want.Train, want.Test, want.SHA256,
			p.Found.Train, p.Found.Test, p.Found.SHA256)
	}
	if n := p.Found.Spec().Images(o.Split); o.Limit > n {
		return nil, fmt.Errorf("data.limit is %d, the %s split has %d images", o.Limit, o.Split, n)
	}
	return p.read(o)
}

// eachHasImages refuses a class without images; without classes there is nothing to refuse.
func eachHasImages(names []string, fill func(count []int)) error {
	if len(names) == 0 {
		return nil
	}
	count := make([]int, len(names))
	fill(count)
	for class, n := range count {
		if n == 0 {
			return fmt.Errorf("class %d (%s) has no images to train on: a class of one's own must have some", class, names[class])
		}
	}
	return nil
}

// DefaultTestFraction is the part of images that are tested on where nothing else says which.
const DefaultTestFraction = 0.1

// fraction is the part of the images that are tested on.
func (o Options) fraction() float64 { return cmp.Or(o.TestFraction, DefaultTestFraction) }

// inTest says by the hash of an image's bytes whether it is tested on: equal images are in one split, and an image stays
// where it is when others come and go.
func (o Options) inTest(hash [32]byte) bool {
	var n uint64
	for _, b := range hash[:7] {
		n = n<<8 | uint64(b)
	}
	return float64(n)/(1<<56) < o.fraction()
}
