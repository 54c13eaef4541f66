package dataset

import (
	"context"
	"fmt"
	"slices"
)

// IDX is a dataset that lies in four files in the IDX format, as MNIST does.
type IDX struct {
	ID      string
	Shape   Spec
	Folders []string // what its folder is called elsewhere, besides ID
	Mirrors []string // folders of public web servers that hold the .gz files
	// Files are the images and labels to train on, then those to test on. Images
	// are of shape [N, Height, Width], and of [N, Height, Width, Channels] where
	// there is more than one channel; labels are of shape [N]. All are bytes.
	Files [4]IDXFile
}

// IDXFile is one of the four, and the published hashes of it, in hex. A file is the
// published one if the hash of its decompressed bytes is, or if it is the published
// .gz file. What has no hash is checked for its shape, and for not being a file of
// another dataset.
type IDXFile struct {
	Name         string // without .gz
	SHA256       string // of the decompressed bytes
	MD5          string // of the decompressed bytes, only where no SHA-256 of them is known
	PackedSHA256 string // of the .gz file, only where there is none of the decompressed bytes
}

// Name is the dataset's name in configs.
func (s IDX) Name() string { return s.ID }

// Spec is the shape of the images.
func (s IDX) Spec() Spec { return s.Shape }

// Open reads a split. Both splits come from one folder, which holds all files.
func (s IDX) Open(_ context.Context, dir, split string, limit int) (*Dataset, error) {
	place, err := s.find(dir)
	if err != nil {
		return nil, err
	}
	images, labels := s.Files[0], s.Files[1]
	if split == "test" {
		images, labels = s.Files[2], s.Files[3]
	}
	d := &Dataset{N: s.Shape.Images(split), Dir: place}
	shape := []int{d.N, s.Shape.Height, s.Shape.Width}
	if s.Shape.Channels > 1 {
		shape = append(shape, s.Shape.Channels)
	}
	if d.Images, err = s.values(d, images, shape); err != nil {
		return nil, err
	}
	if d.Labels, err = s.values(d, labels, []int{d.N}); err != nil {
		return nil, err
	}
	for i, c := range d.Labels {
		if int(c) >= s.Shape.Classes {
			path, _ := labels.in(place)
			return nil, fmt.Errorf("%s: label %d is %d; labels go from 0 to %d", path, i, c, s.Shape.Classes-1)
		}
	}
	if limit > 0 {
		d.N, d.Images, d.Labels = limit, d.Images[:limit*s.Shape.Pixels()], d.Labels[:limit]
	}
	return d, nil
}

// values reads a file of a dataset's folder, which must hold values of a shape.
func (s IDX) values(d *Dataset, file IDXFile, shape []int) ([]uint8, error) {
	path, _ := file.in(d.Dir)
	data, sum, err := s.read(path, file)
	if err != nil {
		return nil, err
	}
	dims, values, err := parseIDX(data, len(shape))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !slices.Equal(dims, shape) {
		return nil, fmt.Errorf("%s holds values of shape %v; %s of %s has %v", path, dims, file.Name, s.ID, shape)
	}
	d.Files = append(d.Files, File{Path: path, SHA256: sum.sha256, OK: true})
	return values, nil
}

// Locate says which folder holds the files, and checks them.
func (s IDX) Locate(dir string) Location {
	place, err := s.find(dir)
	l := Location{Present: err == nil, Dir: place, Looked: bases(dir)}
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	for _, file := range s.Files {
		path, _ := file.in(place)
		_, sum, err := s.read(path, file)
		l.Files = append(l.Files, File{Path: path, SHA256: sum.sha256, OK: err == nil})
		if err != nil && l.Problem == "" {
			l.Present, l.Problem = false, err.Error()
		}
	}
	return l
}
