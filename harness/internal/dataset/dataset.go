// Package dataset reads the images that a run trains on, and hands them out as
// batches.
package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// sources lists every dataset, in the order names are shown. Adding one takes a
// file and a line here, or a call of [Register].
var sources = withPoints(digits{}, mnist, fashionMNIST, kmnist, cifar10, cifar100, emnistLetters, emnistBalanced, imageFolder{})

func withPoints(list ...Source) []Source {
	for _, p := range pointSets {
		list = append(list, p)
	}
	return list
}

// Source is a dataset: what it is called and holds, and how it is read.
type Source interface {
	Name() string
	Spec() Spec
	// Open reads the first limit images of a split, "train" or "test"; all for 0.
	// It never downloads. dir is the only folder to look in; where it is empty the
	// usual places are.
	Open(ctx context.Context, dir, split string, limit int) (*Dataset, error)
	// Locate says where the dataset is, or was looked for.
	Locate(dir string) Location
}

// Spec is the shape of a dataset's images, and how many there are.
type Spec struct {
	Height, Width int // of an image, in pixels
	Channels      int // 1: grey; 3: red, green, blue
	Classes       int // labels go from 0 to Classes-1; 0: it has none
	Train, Test   int // images of each split
	// Points says that the samples are no images but points in the plane, whose coordinates are the channels.
	Points bool
	// Bright: the largest value of a grey image is light, as in photographs. Else it is ink on paper, as in scans of
	// handwriting, and grids are drawn that way.
	Bright bool
}

// Images is the number of images of a split, "train" or "test".
func (s Spec) Images(split string) int {
	if split == "test" {
		return s.Test
	}
	return s.Train
}

// Label is the class that sample i of many is drawn of, each in turn, as a model is told it: class+1, or 0 if there are none.
func (s Spec) Label(i int) int32 {
	if s.Classes == 0 {
		return 0
	}
	return int32(i%s.Classes) + 1
}

// Pixels is the number of values of an image: Height × Width × Channels.
func (s Spec) Pixels() int { return s.Height * s.Width * s.Channels }

// Dataset is a split of a dataset, or the first images of one, in memory.
type Dataset struct {
	Spec
	Name, Split string
	N           int     // images
	Images      []uint8 // [N, Height, Width, Channels], row-major, 0 is background
	Labels      []uint8 // [N], 0 … Classes-1; all 0 if it has no classes
	// Values are what points have in place of Images: [N, Height, Width, Channels], as a model sees them.
	Values []float32
	// endless draws the samples of training where there are always new ones; nil: they are those above.
	endless *Points
	// ClassNames says what the classes are called; nil where they are the numbers themselves.
	ClassNames []string

	// Dir is the folder that it was read from and Files what was read; both are
	// empty for a dataset that is drawn by the program.
	Dir   string
	Files []File
	// Fingerprint is the SHA-256 over images and labels.
	Fingerprint string

	unmap func() error // takes Images out of memory; nil where they are no mapped file
}

// Close ends the use of Images. Only data larger than memory needs it.
func (d *Dataset) Close() error {
	if d == nil || d.unmap == nil {
		return nil
	}
	unmap := d.unmap
	d.Images, d.unmap = nil, nil
	return unmap()
}

// Options say what to open.
type Options struct {
	Name  string // one of Names
	Dir   string // the only folder to look in; empty: the usual places
	Split string // "train" or "test"
	Limit int    // the first so many images; 0 is all
	Own          // of image_folder and other data of one's own
}

// Location is what [Locate] found.
type Location struct {
	Name    string   `json:"name"`
	Present bool     `json:"present"`
	Dir     string   `json:"dir,omitempty"`   // folder that holds it; empty for one that is drawn by the program
	Looked  []string `json:"looked"`          // folders looked in, and below
	Files   []File   `json:"files,omitempty"` // what was found there
	Problem string   `json:"problem,omitempty"`
	Own     bool     `json:"own,omitempty"` // data that a user brings: there is one for each config
}

// File is a file of a dataset.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the decompressed bytes
	OK     bool   `json:"ok"`     // it is the published file, as far as its hash is known
}

// Names lists the datasets.
func Names() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.Name())
	}
	return names
}

// Register adds a dataset. It panics if there is one of its name.
func Register(s Source) {
	if _, err := find(s.Name()); err == nil {
		panic("dataset: there is a dataset " + s.Name() + " already")
	}
	sources = append(sources, s)
}

// SpecOf returns the shape of a dataset.
func SpecOf(name string) (Spec, error) {
	s, err := find(name)
	if err != nil {
		return Spec{}, err
	}
	return s.Spec(), nil
}

// Open reads a split of a dataset. It never downloads: where files are missing,
// the error lists where they were looked for and what to type.
func Open(ctx context.Context, o Options) (*Dataset, error) {
	s, err := find(o.Name)
	if err != nil {
		return nil, err
	}
	if o.Split != "train" && o.Split != "test" {
		return nil, fmt.Errorf("dataset %s has no split %q: use train or test", o.Name, o.Split)
	}
	if o.Limit < 0 {
		return nil, fmt.Errorf("dataset %s: limit %d is negative", o.Name, o.Limit)
	}
	if IsOwn(o.Name) {
		d, err := openOwn(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("dataset %s: %w", o.Name, err)
		}
		d.Name, d.Split = o.Name, o.Split
		d.Fingerprint = fingerprint(d)
		return d, nil
	}
	if n := s.Spec().Images(o.Split); o.Limit > n {
		return nil, fmt.Errorf("dataset %s: data.limit is %d, the %s split has %d images", o.Name, o.Limit, o.Split, n)
	}
	d, err := s.Open(ctx, o.Dir, o.Split, o.Limit)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", o.Name, err)
	}
	d.Name, d.Split, d.Spec = o.Name, o.Split, s.Spec()
	d.Fingerprint = fingerprint(d)
	return d, nil
}

// Locate says whether a dataset can be opened, and from where.
func Locate(name, dir string) (Location, error) {
	s, err := find(name)
	if err != nil {
		return Location{}, err
	}
	l := s.Locate(dir)
	l.Name = name
	return l, nil
}

func find(name string) (Source, error) {
	for _, s := range sources {
		if s.Name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("unknown dataset %q; use one of: %s", name, strings.Join(Names(), ", "))
}

// fingerprint hashes what a split holds.
func fingerprint(d *Dataset) string {
	h := newFingerprint(d.Spec, d.N)
	h.Write(d.Images)
	_ = binary.Write(h, binary.LittleEndian, d.Values) // a hash takes everything
	h.Write(d.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

// newFingerprint begins the hash of images and labels. The channels of a grey image
// are not mentioned: fingerprints from before there were others stay what they are.
func newFingerprint(spec Spec, n int) hash.Hash {
	h := sha256.New()
	shape := fmt.Sprintf("%d %d %d", n, spec.Height, spec.Width)
	if spec.Channels > 1 {
		shape += fmt.Sprintf(" %d", spec.Channels)
	}
	fmt.Fprintln(h, shape)
	return h
}

// Image writes image i, scaled to [-1, 1], to dst [Height, Width, Channels];
// mirrored left to right if asked for. Points are written as they are.
func (d *Dataset) Image(i int, mirrored bool, dst []float32) {
	if d.Values != nil {
		copy(dst, d.Values[i*len(dst):(i+1)*len(dst)])
		return
	}
	src := d.Images[i*len(dst) : (i+1)*len(dst)]
	if !mirrored {
		for j, v := range src {
			dst[j] = scaled[v]
		}
		return
	}
	row := d.Width * d.Channels
	for j := range dst {
		x, channel := j%row/d.Channels, j%d.Channels
		dst[j] = scaled[src[j-j%row+(d.Width-1-x)*d.Channels+channel]]
	}
}

// scaled maps a byte to 2·(byte/255) − 1.
var scaled = func() (table [256]float32) {
	for i := range table {
		table[i] = 2*(float32(i)/255) - 1
	}
	return table
}()
