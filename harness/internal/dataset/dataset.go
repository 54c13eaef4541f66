// Package dataset reads the images that a run trains on, and hands them out as
// batches.
package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// sources lists every dataset, in the order names are shown. Adding one takes a
// file and a line here.
var sources = []source{digits{}, mnist, fashionMNIST, kmnist}

// source is where a dataset comes from.
type source interface {
	name() string
	// open reads the first limit images of a split (all for 0). It never downloads.
	open(ctx context.Context, dir, split string, limit int) (*Dataset, error)
	// locate says where the dataset is, or was looked for.
	locate(dir string) Location
}

// Dataset is a split of a dataset, in memory.
type Dataset struct {
	Name, Split string
	Images      []uint8 // [N, Height, Width], row-major, 0 is background
	Labels      []uint8 // [N], 0 … NumClasses-1

	N, Height, Width, NumClasses int

	// Fingerprint is the SHA-256 over images and labels.
	Fingerprint string
}

// Options say what to open.
type Options struct {
	Name  string // one of Names
	Dir   string // where to look first; empty: only the usual places
	Split string // "train" or "test"
	Limit int    // the first so many images; 0 is all
}

// Location is what [Locate] found.
type Location struct {
	Name    string   `json:"name"`
	Present bool     `json:"present"`
	Dir     string   `json:"dir,omitempty"`   // folder that holds it; empty for one that is drawn by the program
	Looked  []string `json:"looked"`          // folders looked at
	Files   []File   `json:"files,omitempty"` // what was found there
	Problem string   `json:"problem,omitempty"`
}

// File is a file of a dataset.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the decompressed bytes
	OK     bool   `json:"ok"`     // the hash is the published one
}

// Names lists the datasets.
func Names() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.name())
	}
	return names
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
	d, err := s.open(ctx, o.Dir, o.Split, o.Limit)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", o.Name, err)
	}
	d.Name, d.Split = o.Name, o.Split
	d.Fingerprint = fingerprint(d)
	return d, nil
}

// Locate says whether a dataset can be opened, and from where.
func Locate(name, dir string) (Location, error) {
	s, err := find(name)
	if err != nil {
		return Location{}, err
	}
	l := s.locate(dir)
	l.Name = name
	return l, nil
}

func find(name string) (source, error) {
	for _, s := range sources {
		if s.name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("unknown dataset %q; use one of: %s", name, strings.Join(Names(), ", "))
}

func fingerprint(d *Dataset) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d\n", d.N, d.Height, d.Width)
	h.Write(d.Images)
	h.Write(d.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

// truncate keeps the first limit images.
func (d *Dataset) truncate(limit int) error {
	if limit > d.N {
		return fmt.Errorf("data.limit is %d, the %s split has %d images", limit, d.Split, d.N)
	}
	if limit > 0 {
		d.N, d.Images, d.Labels = limit, d.Images[:limit*d.Height*d.Width], d.Labels[:limit]
	}
	return nil
}
