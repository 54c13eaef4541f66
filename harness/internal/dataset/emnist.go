package dataset

import (
	pkzip "archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Cohen et al. 2017, arXiv:1702.05373: two of the splits of the one archive.

var emnistLetters = emnist("letters", 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 124_800, 20_800)

// Lower case letters that look like their capitals are one class with them.
var emnistBalanced = emnist("balanced", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt", 112_800, 18_800)

func emnist(name string, firstLabel uint8, classes string, train, test int) Archive {
	return Archive{
		ID: "emnist_" + name, Shape: Spec{Height: 28, Width: 28, Channels: 1, Classes: len(classes), Train: train, Test: test},
		File: "gzip.zip", Folders: []string{"emnist", "EMNIST", "EMNIST/raw"}, Mirrors: []string{"https://biometrics.nist.gov/cs_links/EMNIST/"},
		MD5: "58c8d27c78d21e728a6bc7b3cc06412e", ClassNames: strings.Split(classes, ""),
		Read: EMNIST{Name: name, FirstLabel: firstLabel}.Read,
	}
}

// EMNIST is the format of EMNIST: a zip archive of gzipped IDX files, whose images are stored transposed, rows as columns.
type EMNIST struct {
	Name       string
	FirstLabel uint8 // of the first class
}

// Read is [Archive.Read].
func (e EMNIST) Read(r io.ReaderAt, size int64, shape Spec, split string) (images, labels []uint8, err error) {
	z, err := pkzip.NewReader(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("not a valid zip archive: %w", err)
	}
	n := shape.Images(split)
	if images, err = e.values(z, split+"-images-idx3-ubyte.gz", []int{n, shape.Height, shape.Width}); err != nil {
		return nil, nil, err
	}
	if labels, err = e.values(z, split+"-labels-idx1-ubyte.gz", []int{n}); err != nil {
		return nil, nil, err
	}
	for i := range labels {
		if labels[i] < e.FirstLabel {
			return nil, nil, fmt.Errorf("label %d of the %s split is %d; they begin with %d", i, split, labels[i], e.FirstLabel)
		}
		labels[i] -= e.FirstLabel
	}
	transpose(images, shape.Height)
	return images, labels, nil
}

// values reads a file of the archive, which must hold values of a shape.
func (e EMNIST) values(z *pkzip.Reader, suffix string, shape []int) ([]uint8, error) {
	name := "emnist-" + e.Name + "-" + suffix
	at := slices.IndexFunc(z.File, func(f *pkzip.File) bool { return path.Base(f.Name) == name })
	if at < 0 {
		return nil, errors.New("the archive lacks " + name)
	}
	f, err := z.File[at].Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	data, err := decompress(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	dims, values, err := parseIDX(data, len(shape))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !slices.Equal(dims, shape) {
		return nil, fmt.Errorf("%s holds values of shape %v, not %v", name, dims, shape)
	}
	return values, nil
}

// transpose exchanges rows and columns of square images.
func transpose(images []uint8, side int) {
	for ; len(images) > 0; images = images[side*side:] {
		for y := range side {
			for x := range y {
				images[y*side+x], images[x*side+y] = images[x*side+y], images[y*side+x]
			}
		}
	}
}
