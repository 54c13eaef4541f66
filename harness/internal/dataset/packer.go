package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/picture"
)

// partialName is what the files are called that a packer writes.
const partialName = "*.partial"

// packer decodes images into one file for each split. Images take their places in the order in which they are added, and
// are decoded by several goroutines.
type packer struct {
	contents *contents
	options  Options
	size     imageSize
	splits   [2]*packSplit // train, test
	done     atomic.Int64

	mu      sync.Mutex
	skipped []string
}

// packSplit is a split in the making.
type packSplit struct {
	file   *os.File
	labels []uint8
	broken []int // places without an image
}

func newPacker(ctx context.Context, dir string, c *contents, o Options) (*packer, error) {
	w := &packer{contents: c, options: o, size: c.size}
	if o.Size > 0 {
		w.size.height, w.size.width = o.Size, o.Size
	}
	if o.Channels > 0 {
		w.size.channels = o.Channels
	}
	if w.size.height == 0 || w.size.channels == 0 {
		if err := w.findSize(ctx); err != nil {
			return nil, err
		}
	}
	if w.size.height > maxSide || w.size.width > maxSide {
		return nil, fmt.Errorf("images of %d×%d are larger than %d×%d: set data.size", w.size.height, w.size.width, maxSide, maxSide)
	}
	for i := range w.splits {
		f, err := os.CreateTemp(dir, partialName)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the cache of prepared images: %w", err), w.remove())
		}
		w.splits[i] = &packSplit{file: f}
	}
	return w, nil
}

// remove deletes what was written, which a whole pack has taken away.
func (w *packer) remove() (err error) {
	for _, s := range w.splits {
		if s == nil {
			continue
		}
		_ = s.file.Close() // closed before where all went well
		if e := os.Remove(s.file.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// findSize finds the size that all pictures have, and whether all are grey, in their headers.
func (w *packer) findSize(ctx context.Context) error {
	first, grey, n := "", true, 0
	var common picture.Size
	err := w.contents.each(ctx, func(s rawImage) error {
		if n++; n%progressEvery == 0 {
			tell("looking at pictures", n, -1)
		}
		data, err := s.encoded()
		if err != nil {
			return fmt.Errorf("%s: %w", s.where, err)
		}
		size, err := picture.SizeOf(data)
		if err != nil {
			if w.options.SkipBroken {
				return nil
			}
			return broken(s, err)
		}
		grey = grey && size.Grey
		switch {
		case first == "":
			first, common = s.where, size
		case w.size.height == 0 && (size.Height != common.Height || size.Width != common.Width):
			return fmt.Errorf("pictures are of different sizes: %s is %d×%d, %s is %d×%d; set data.size, such as data.size=64, "+
				"to have all scaled to it and cropped to a square", first, common.Height, common.Width, s.where, size.Height, size.Width)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.size.height == 0 {
		w.size.height, w.size.width = common.Height, common.Width
	}
	if w.size.channels == 0 {
		w.size.channels = 3
		if grey {
			w.size.channels = 1
		}
	}
	return nil
}

const progressEvery = 64

func broken(s rawImage, err error) error {
	return fmt.Errorf("%s: %w\nRemove the picture, or leave out all that cannot be read with data.skip_broken: true", s.where, err)
}

// fill decodes all images.
func (w *packer) fill(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	err := w.contents.each(ctx, func(s rawImage) error {
		split := w.splits[0]
		if s.test {
			split = w.splits[1]
		}
		place := len(split.labels)
		split.labels = append(split.labels, uint8(max(s.class, 0)))
		group.Go(func() error { return w.decode(ctx, s, split, place) })
		return ctx.Err()
	})
	if e := group.Wait(); e != nil {
		err = e // what made each end
	}
	if err != nil {
		return err
	}
	tell("preparing pictures", int(w.done.Load()), int(w.done.Load()))
	for _, s := range w.splits {
		if err := s.closeGaps(w.pixels()); err != nil {
			return err
		}
	}
	slices.Sort(w.skipped)
	return nil
}

func (w *packer) pixels() int { return w.size.height * w.size.width * w.size.channels }

// decode puts an image in its place.
func (w *packer) decode(ctx context.Context, s rawImage, split *packSplit, place int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	out := make([]uint8, w.pixels())
	if err := w.decodeInto(s, out); err != nil {
		if !w.options.SkipBroken || s.encoded == nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.skipped, split.broken = append(w.skipped, err.Error()), append(split.broken, place)
		return nil
	}
	if _, err := split.file.WriteAt(out, int64(place)*int64(len(out))); err != nil {
		return fmt.Errorf("writing the cache of prepared images: %w", err)
	}
	if n := w.done.Add(1); n%progressEvery == 0 {
		tell("preparing pictures", int(n), -1)
	}
	return nil
}

func (w *packer) decodeInto(s rawImage, out []uint8) error {
	if s.encoded == nil {
		from := w.contents.size
		if from == w.size {
			copy(out, s.pixels)
			return nil
		}
		picture.Resize(s.pixels, picture.Size{Height: from.height, Width: from.width}, out, w.size.height, w.size.width, w.size.channels)
		return nil
	}
	data, err := s.encoded()
	if err != nil {
		return fmt.Errorf("%s: %w", s.where, err)
	}
	if err := picture.Pixels(data, out, w.size.height, w.size.width, w.size.channels, w.options.Size > 0); err != nil {
		if w.options.SkipBroken {
			return fmt.Errorf("%s: %w", s.where, err)
		}
		return broken(s, err)
	}
	return nil
}

// closeGaps moves images up to where there are none.
func (s *packSplit) closeGaps(pixels int) error {
	if len(s.broken) == 0 {
		return nil
	}
	slices.Sort(s.broken)
	buffer, kept := make([]byte, pixels), 0
	for i, label := range s.labels {
		if _, gap := slices.BinarySearch(s.broken, i); gap {
			continue
		}
		if kept != i {
			if _, err := s.file.ReadAt(buffer, int64(i)*int64(pixels)); err != nil {
				return err
			}
			if _, err := s.file.WriteAt(buffer, int64(kept)*int64(pixels)); err != nil {
				return err
			}
		}
		s.labels[kept] = label
		kept++
	}
	s.labels = s.labels[:kept]
	return s.file.Truncate(int64(kept) * int64(pixels))
}

// info checks what there is, and says what it is.
func (w *packer) info() (*packInfo, error) {
	train, test := w.splits[0], w.splits[1]
	info := &packInfo{ClassNames: w.contents.classes, Skipped: w.skipped, Found: Found{Height: w.size.height, Width: w.size.width,
		Channels: w.size.channels, Classes: len(w.contents.classes), Train: len(train.labels), Test: len(test.labels)}}
	left := ""
	if len(w.skipped) > 0 {
		left = fmt.Sprintf(" (%d broken ones are left out)", len(w.skipped))
	}
	switch n := len(train.labels) + len(test.labels); {
	case n == 0:
		return nil, fmt.Errorf("there are no images%s", left)
	case n == 1:
		return nil, fmt.Errorf("there is one image%s; training takes at least two", left)
	case len(train.labels) == 0:
		return nil, fmt.Errorf("all %d images%s are in the test split; lower data.test_fraction", n, left)
	}
	err := eachHasImages(w.contents.classes, func(count []int) {
		for _, label := range train.labels {
			count[label]++
		}
	})
	if err != nil {
		return nil, err
	}
	whole := sha256.New()
	for i, s := range w.splits {
		if info.Fingerprint[i], err = s.fingerprint(info.Found.Spec()); err != nil {
			return nil, err
		}
		fmt.Fprintln(whole, info.Fingerprint[i])
	}
	info.Found.SHA256 = hex.EncodeToString(whole.Sum(nil))
	return info, nil
}

// fingerprint is that of the split as a [Dataset].
func (s *packSplit) fingerprint(spec Spec) (string, error) {
	h := newFingerprint(spec, len(s.labels))
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := io.Copy(h, s.file); err != nil {
		return "", err
	}
	h.Write(s.labels)
	return hex.EncodeToString(h.Sum(nil)), nil
}
