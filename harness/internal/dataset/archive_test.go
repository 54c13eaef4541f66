package dataset

import (
	"archive/tar"
	pkzip "archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tarOf is a gzipped tar archive of files.
func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// smallCIFAR is CIFAR-100's format with images of 1×2 pixels.
func smallCIFAR(t *testing.T, dir string, train []byte) Archive {
	put(t, dir, "small.tar.gz", tarOf(t, map[string][]byte{"cifar/b.bin": {9, 1, 10, 11, 20, 21, 30, 31}, "cifar/a.bin": train,
		"cifar/test.bin": {9, 0, 1, 2, 3, 4, 5, 6}, "cifar/readme.html": []byte("text")}))
	return Archive{ID: "small", Shape: Spec{Height: 1, Width: 2, Channels: 3, Classes: 2, Train: 2, Test: 1}, File: "small.tar.gz",
		Read: CIFAR{LabelBytes: 2, Train: []string{"a.bin", "b.bin"}, Test: []string{"test.bin"}}.Read}
}

func TestCIFARIsReadPixelByPixel(t *testing.T) {
	dir := t.TempDir()
	s := smallCIFAR(t, dir, []byte{7, 0, 110, 111, 120, 121, 130, 131})
	for _, tc := range []struct {
		split          string
		limit          int
		images, labels []uint8
	}{
		{"train", 0, []uint8{110, 120, 130, 111, 121, 131, 10, 20, 30, 11, 21, 31}, []uint8{0, 1}},
		{"train", 1, []uint8{110, 120, 130, 111, 121, 131}, []uint8{0}},
		{"test", 0, []uint8{1, 3, 5, 2, 4, 6}, []uint8{0}},
	} {
		d, err := s.Open(t.Context(), dir, tc.split, tc.limit)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Images, tc.images) || !slices.Equal(d.Labels, tc.labels) || d.N != len(tc.labels) {
			t.Errorf("%s, %d: images %v, labels %v", tc.split, tc.limit, d.Images, d.Labels)
		}
	}
	if l := s.Locate(dir); !l.Present || len(l.Files) != 1 || !l.Files[0].OK || l.Dir != dir {
		t.Errorf("it is located as %+v", l)
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	good := []byte{7, 0, 110, 111, 120, 121, 130, 131}
	for _, tc := range []struct {
		name   string
		change func(dir string, s *Archive)
		want   string
	}{
		{"none", func(dir string, _ *Archive) { _ = os.Remove(filepath.Join(dir, "small.tar.gz")) }, "type: harness data fetch small"},
		{"another one", func(_ string, s *Archive) { s.SHA256 = strings.Repeat("0", 64) }, "not the published file: its SHA-256 is "},
		{"another one by MD5", func(_ string, s *Archive) { s.MD5 = strings.Repeat("0", 32) }, "not the published file: its MD5 is "},
		{"no archive", func(dir string, _ *Archive) { put(t, dir, "small.tar.gz", []byte("text")) }, "not a valid gzip file"},
		{"half an archive", func(dir string, _ *Archive) {
			whole, _ := os.ReadFile(filepath.Join(dir, "small.tar.gz"))
			put(t, dir, "small.tar.gz", whole[:len(whole)/2])
		}, "unexpected EOF"},
		{"an image and a half", func(dir string, s *Archive) { smallCIFAR(t, dir, append(slices.Clone(good), good[:4]...)) },
			"a.bin has 12 bytes: it takes a multiple of 8"},
		{"too many images", func(dir string, s *Archive) { smallCIFAR(t, dir, slices.Repeat(good, 3)) }, "at most 16"},
		{"an image too many", func(dir string, s *Archive) { smallCIFAR(t, dir, slices.Repeat(good, 2)) },
			"holds 3 images to train on"},
		{"a label out of range", func(dir string, s *Archive) { smallCIFAR(t, dir, append([]byte{7, 2}, good[2:]...)) },
			"label 0 of the train split is 2; labels go from 0 to 1"},
		{"a file that is missing", func(_ string, s *Archive) { s.Read = CIFAR{LabelBytes: 2, Train: []string{"c.bin"}}.Read },
			"the archive lacks c.bin"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := smallCIFAR(t, dir, good)
			tc.change(dir, &s)
			if _, err := s.Open(t.Context(), dir, "train", 0); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}

// EMNIST's images are turned upright, and its letters count from 1.
func TestEMNISTIsTransposed(t *testing.T) {
	idx := func(dims []int, values ...uint8) []byte {
		var packed bytes.Buffer
		data := []byte{0, 0, 8, byte(len(dims))}
		for _, d := range dims {
			data = binary.BigEndian.AppendUint32(data, uint32(d))
		}
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(append(data, values...)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return packed.Bytes()
	}
	var b bytes.Buffer
	z := pkzip.NewWriter(&b)
	for name, data := range map[string][]byte{
		"gzip/emnist-letters-train-images-idx3-ubyte.gz": idx([]int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8),
		"gzip/emnist-letters-train-labels-idx1-ubyte.gz": idx([]int{2}, 26, 1),
		"gzip/emnist-letters-test-images-idx3-ubyte.gz":  idx([]int{1, 2, 2}, 1, 2, 3, 4),
		"gzip/emnist-letters-test-labels-idx1-ubyte.gz":  idx([]int{1}, 0),
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, dir, "gzip.zip", b.Bytes())
	s := emnist("letters", 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 2, 1)
	s.Shape.Height, s.Shape.Width, s.MD5 = 2, 2, ""
	d, err := s.Open(t.Context(), dir, "train", 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Images, []uint8{1, 3, 2, 4, 5, 7, 6, 8}) || !slices.Equal(d.Labels, []uint8{25, 0}) {
		t.Errorf("images %v, labels %v", d.Images, d.Labels)
	}
	if _, err := s.Open(t.Context(), dir, "test", 0); err == nil || !strings.Contains(err.Error(), "label 0 of the test split is 0; they "+
		"begin with 1") {
		t.Errorf("with a label below the first one the error is %v", err)
	}
	s.Shape.Train = 3
	if _, err := s.Open(t.Context(), dir, "train", 0); err == nil || !strings.Contains(err.Error(), "holds values of shape [2 2 2], not "+
		"[3 2 2]") {
		t.Errorf("with another number of images the error is %v", err)
	}
}
