package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v4/mem"

	"flowharness/harness/internal/files"
)

// pack is a file of the cache: the prepared images of data of one's own, as bytes that can be mapped into memory. It holds
// the images of the training split and of the test split, the labels of both, what they are as JSON, its length and a mark.
// It may be deleted at any time, and is made again.
type pack struct {
	path  string
	dir   string // of the data
	Found Found
	packInfo
}

// packInfo is what a pack says of itself.
type packInfo struct {
	Found       Found
	ClassNames  []string
	Skipped     []string  // broken pictures
	Fingerprint [2]string // of the training and of the test split
}

const packMark = "harness1"

// PreparedDirEnv names the folder of prepared images, instead of one in the user's cache.
const PreparedDirEnv = "HARNESS_PREPARED_DIR"

func preparedDir() string {
	return cmp.Or(os.Getenv(PreparedDirEnv), filepath.Join(cacheDir(), "prepared"))
}

// pack finds the prepared images in the cache, or makes them.
func (s *survey) pack(ctx context.Context, o Options) (*pack, error) {
	path := filepath.Join(preparedDir(), packName(s.key, o)+".pack")
	p, err := openPack(path, s.dir)
	if err == nil || !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errDamaged) {
		return p, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("the cache of prepared images: %w", err)
	}
	removeLeftovers(filepath.Dir(path))
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if c.close != nil {
		defer c.close()
	}
	if err := makePack(ctx, path, c, o); err != nil {
		return nil, err
	}
	return openPack(path, s.dir)
}

// packName identifies images by the bytes that they are made of and how.
func packName(key string, o Options) string {
	h := sha256.New()
	fmt.Fprintln(h, 1, o.Name, key, o.Size, o.Channels, o.fraction(), o.SkipBroken)
	return hex.EncodeToString(h.Sum(nil))
}

var errDamaged = errors.New("the file is damaged")

// openPack reads what a pack holds, but for its images.
func openPack(path, dir string) (*pack, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, 16)
	if _, err := f.ReadAt(tail, info.Size()-16); err != nil || string(tail[8:]) != packMark {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	length := int64(binary.LittleEndian.Uint64(tail))
	p := &pack{path: path, dir: dir}
	if length <= 0 || length > info.Size()-16 {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	text := make([]byte, length)
	if _, err := f.ReadAt(text, info.Size()-16-length); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(text, &p.packInfo); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	p.Found = p.packInfo.Found
	p.Found.Skipped = p.Skipped
	spec := p.Found.Spec()
	if want := int64(spec.Train+spec.Test) * int64(spec.Pixels()+1); want+length+16 != info.Size() {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	return p, nil
}

// read takes a split into memory, or maps it there if it is larger than it may be.
func (p *pack) read(o Options) (*Dataset, error) {
	spec := p.Found.Spec()
	d := &Dataset{Spec: spec, N: spec.Images(o.Split), Dir: p.dir, ClassNames: p.ClassNames}
	from, labelsFrom, which := int64(0), int64(spec.Train+spec.Test)*int64(spec.Pixels()), 0
	if o.Split == "test" {
		from, labelsFrom, which = int64(spec.Train)*int64(spec.Pixels()), labelsFrom+int64(spec.Train), 1
	}
	all := o.Limit == 0 || o.Limit == d.N
	if o.Limit > 0 {
		d.N = o.Limit
	}
	size := int64(d.N) * int64(spec.Pixels())
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d.Labels = make([]uint8, d.N)
	if _, err := f.ReadAt(d.Labels, labelsFrom); err != nil {
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	switch {
	case d.N == 0:
	case size > memoryFor(o):
		if d.Images, d.unmap, err = mapFile(f, from, size); err != nil {
			return nil, fmt.Errorf("mapping %s into memory: %w", p.path, err)
		}
	default:
		d.Images = make([]uint8, size)
		if _, err := f.ReadAt(d.Images, from); err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, err)
		}
	}
	if all && fingerprint(d) != p.Fingerprint[which] {
		err := errors.Join(d.Close(), os.Remove(p.path))
		return nil, errors.Join(fmt.Errorf("the cache of the prepared images, %s, was damaged and is removed; the same command makes it "+
			"again", p.path), err)
	}
	return d, nil
}

// memoryFor is how many bytes a split may take up.
func memoryFor(o Options) int64 {
	if o.Memory > 0 {
		return o.Memory
	}
	m, err := mem.VirtualMemory()
	if err != nil {
		return 1 << 30
	}
	return int64(m.Total / 4)
}

// makePack writes a pack, whole or not at all.
func makePack(ctx context.Context, path string, c *contents, o Options) (err error) {
	w, err := newPacker(ctx, filepath.Dir(path), c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	if err := w.fill(ctx); err != nil {
		return err
	}
	info, err := w.info()
	if err != nil {
		return err
	}
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	train, test := w.splits[0], w.splits[1]
	if _, err := train.file.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if _, err := test.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	for _, part := range []io.Reader{test.file, bytes.NewReader(train.labels), bytes.NewReader(test.labels), bytes.NewReader(text),
		bytes.NewReader(append(tail, packMark...))} {
		if _, err := io.Copy(train.file, files.Reader(ctx, part)); err != nil {
			return fmt.Errorf("writing the cache of prepared images: %w", err)
		}
	}
	if err := errors.Join(train.file.Sync(), train.file.Close()); err != nil {
		return err
	}
	return files.Place(train.file.Name(), path)
}

// removeLeftovers deletes what was being written when a program was killed.
func removeLeftovers(dir string) {
	const long = 24 * time.Hour
	left, _ := filepath.Glob(filepath.Join(dir, partialName))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > long {
			_ = os.Remove(path)
		}
	}
}
