package dataset

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
)

// Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images": the binary versions.

var cifar10 = Archive{
	ID: "cifar10", Shape: Spec{Height: 32, Width: 32, Channels: 3, Classes: 10, Train: 50_000, Test: 10_000},
	File: "cifar-10-binary.tar.gz", Folders: []string{"cifar-10", "CIFAR10"}, Mirrors: []string{cifarServer},
	SHA256:     "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
	ClassNames: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
	Read: CIFAR{LabelBytes: 1, Train: []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
		"data_batch_5.bin"}, Test: []string{"test_batch.bin"}}.Read,
}

var cifar100 = Archive{
	ID: "cifar100", Shape: Spec{Height: 32, Width: 32, Channels: 3, Classes: 100, Train: 50_000, Test: 10_000},
	File: "cifar-100-binary.tar.gz", Folders: []string{"cifar-100", "CIFAR100"}, Mirrors: []string{cifarServer},
	SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
	Read:   CIFAR{LabelBytes: 2, Train: []string{"train.bin"}, Test: []string{"test.bin"}}.Read,
}

const cifarServer = "https://www.cs.toronto.edu/~kriz/"

// CIFAR is the binary format of CIFAR-10 and CIFAR-100: files in a gzipped tar archive that hold, for each image, its labels,
// a byte each of which the last is the finest, and then its channels one after the other, row by row.
type CIFAR struct {
	LabelBytes  int
	Train, Test []string // files of each split, in order
}

// Read is [Archive.Read].
func (c CIFAR) Read(r io.ReaderAt, size int64, shape Spec, split string) (images, labels []uint8, err error) {
	wanted := c.Train
	if split == "test" {
		wanted = c.Test
	}
	record := c.LabelBytes + shape.Pixels()
	most := int64(shape.Images(split)) * int64(record)
	found := make([][]byte, len(wanted))
	z, err := gzip.NewReader(bufio.NewReader(io.NewSectionReader(r, 0, size)))
	if err != nil {
		return nil, nil, fmt.Errorf("not a valid gzip file: %w", err)
	}
	for t := tar.NewReader(z); ; {
		header, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("not a valid tar archive: %w", err)
		}
		at := slices.Index(wanted, path.Base(header.Name))
		if at < 0 {
			continue
		}
		if header.Size > most || header.Size%int64(record) != 0 {
			return nil, nil, fmt.Errorf("%s has %d bytes: it takes a multiple of %d, at most %d", header.Name, header.Size, record, most)
		}
		if found[at], err = io.ReadAll(t); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
	for i, data := range found {
		if data == nil {
			return nil, nil, errors.New("the archive lacks " + wanted[i])
		}
		for ; len(data) > 0; data = data[record:] {
			labels = append(labels, data[c.LabelBytes-1])
			images = appendPixelByPixel(images, data[c.LabelBytes:record], shape)
		}
	}
	return images, labels, nil
}

// appendPixelByPixel appends an image whose channels lie one after the other.
func appendPixelByPixel(images, planes []uint8, shape Spec) []uint8 {
	plane := shape.Height * shape.Width
	for p := range plane {
		for c := range shape.Channels {
			images = append(images, planes[c*plane+p])
		}
	}
	return images
}
