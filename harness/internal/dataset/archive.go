package dataset

import (
	"context"
	"crypto/md5" // the publisher of one dataset gives no other hash
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"flowharness/harness/internal/files"
)

// Archive is a dataset that lies in one archive, which is read as it was published: nothing is unpacked.
type Archive struct {
	ID      string
	Shape   Spec
	File    string   // what the archive is called
	Folders []string // what its folder is called elsewhere, besides ID
	Mirrors []string // folders of public web servers that hold it
	// SHA256 and MD5 are the published hashes of the archive, in hex: at most one. An archive that has none is checked for
	// its contents only.
	SHA256, MD5 string
	ClassNames  []string
	// Read returns the images [N, Height, Width, Channels] and labels [N] of a split. It reads all of the archive from r, of
	// size bytes.
	Read func(r io.ReaderAt, size int64, shape Spec, split string) (images, labels []uint8, err error)
}

// Name is the dataset's name in configs.
func (s Archive) Name() string { return s.ID }

// Spec is the shape of the images.
func (s Archive) Spec() Spec { return s.Shape }

// Open reads a split.
func (s Archive) Open(ctx context.Context, dir, split string, limit int) (*Dataset, error) {
	path, err := s.find(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum, err := s.verify(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("%s is %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &Dataset{N: s.Shape.Images(split), Dir: filepath.Dir(path), ClassNames: s.ClassNames,
		Files: []File{{Path: path, SHA256: sum, OK: true}}}
	if d.Images, d.Labels, err = s.Read(f, info.Size(), s.Shape, split); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(d.Labels) != d.N || len(d.Images) != d.N*s.Shape.Pixels() {
		return nil, fmt.Errorf("%s holds %d images to %s on, with %d values in all; %s has %d of %d each", path, len(d.Labels), split,
			len(d.Images), s.ID, d.N, s.Shape.Pixels())
	}
	for i, c := range d.Labels {
		if int(c) >= s.Shape.Classes {
			return nil, fmt.Errorf("%s: label %d of the %s split is %d; labels go from 0 to %d", path, i, split, c, s.Shape.Classes-1)
		}
	}
	if limit > 0 {
		d.N, d.Images, d.Labels = limit, d.Images[:limit*s.Shape.Pixels()], d.Labels[:limit]
	}
	return d, nil
}

// verify hashes an archive; one that is not the published one is an error, which goes on a sentence "… is".
func (s Archive) verify(ctx context.Context, f *os.File) (sum string, err error) {
	long := sha256.New()
	var published hash.Hash = long
	to := io.Writer(long)
	if s.MD5 != "" {
		published = md5.New() // see the import
		to = io.MultiWriter(long, published)
	}
	if _, err := io.Copy(to, files.Reader(ctx, f)); err != nil {
		return "", err
	}
	name, want := "SHA-256", s.SHA256
	if s.MD5 != "" {
		name, want = "MD5", s.MD5
	}
	if got := hex.EncodeToString(published.Sum(nil)); want != "" && got != want {
		return "", fmt.Errorf("not the published file: its %s is %s, expected %s; fetch it again", name, got, want)
	}
	return hex.EncodeToString(long.Sum(nil)), nil
}

// find returns the archive's path.
func (s Archive) find(dir string) (string, error) {
	for _, base := range bases(dir) {
		for _, folder := range append(append([]string{s.ID}, s.Folders...), ".") {
			path := filepath.Join(base, folder, s.File)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("its file is nowhere to be found (%s); looked in, and below,\n  %s\n"+
		"to download it, type: harness data fetch %s\nor name the folder that holds it with data.dir or $%s",
		s.File, strings.Join(bases(dir), "\n  "), s.ID, DataDirEnv)
}

// Locate says where the archive is, and checks it.
func (s Archive) Locate(dir string) Location {
	path, err := s.find(dir)
	l := Location{Present: err == nil, Looked: bases(dir)}
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	l.Dir = filepath.Dir(path)
	f, err := os.Open(path)
	var sum string
	if err == nil {
		defer f.Close()
		sum, err = s.verify(context.Background(), f)
	}
	l.Files = []File{{Path: path, SHA256: sum, OK: err == nil}}
	if err != nil {
		l.Present, l.Problem = false, fmt.Sprintf("%s is %v", path, err)
	}
	return l
}

// fetchTo downloads the archive into a folder, unless it is there.
func (s Archive) fetchTo(ctx context.Context, dir string, observe Observe) error {
	path := filepath.Join(dir, s.File)
	check := func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err = s.verify(ctx, f); err != nil {
			return fmt.Errorf("what came is %w", err)
		}
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		if err := check(path); err != nil {
			return fmt.Errorf("%s: %w (remove it first)", path, err)
		}
		return nil
	}
	if err := fetchAny(ctx, s.Mirrors, s.File, dir, check, observe); err != nil {
		return fmt.Errorf("downloading %s for dataset %s: %w", s.File, s.ID, err)
	}
	return nil
}
