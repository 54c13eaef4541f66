package compiled

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"flowharness/harness/internal/files"
)

const (
	// magic begins each file; it changes with the format.
	magic = "harness program 1\n"
	// ending is that of the files of programs.
	ending = ".program"
)

// Cache is a folder of compiled programs, bounded in size. Many processes may use one at a time.
type Cache struct {
	dir   string
	limit int64
	warn  func(string)
}

// Open returns the cache in a folder that may hold so many bytes. The folder is made when there is something to keep. A
// folder into which other users can write is refused: what lies there is run as a program. warn is told, in a line,
// of entries that are damaged and of what cannot be written; such programs are compiled.
func Open(dir string, limit int64, warn func(string)) (*Cache, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a folder")}
	case info.Mode().Perm()&0o022 != 0:
		return nil, &fs.PathError{Op: "open", Path: dir, Err: errors.New("other users can write into it; chmod 700")}
	}
	return &Cache{dir: dir, limit: limit, warn: warn}, nil
}

// Usage returns how many programs are kept, and how many bytes they take.
func (c *Cache) Usage() (programs int, size int64, err error) {
	entries, err := c.entries()
	for _, e := range entries {
		size += e.Size()
	}
	return len(entries), size, err
}

// Clear removes all programs and returns how many there were, and their bytes.
func (c *Cache) Clear() (programs int, size int64, err error) {
	entries, err := c.entries()
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return programs, size, err
		}
		programs, size = programs+1, size+e.Size()
	}
	return programs, size, nil
}

// load returns the program of a key, and notes that it was used.
func (c *Cache) load(key string) ([]byte, bool) {
	path := c.path(key)
	data, err := os.ReadFile(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.warn("a compiled program cannot be read and is compiled anew: " + err.Error())
		}
		return nil, false
	}
	program, err := decode(data)
	if err != nil {
		c.warn(path + " " + err.Error() + "; the program is compiled anew")
		c.remove(key)
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // a folder that can only be read still serves
	return program, true
}

// store keeps a program, and removes the ones that were not used for the longest time where the cache is full.
func (c *Cache) store(key string, program []byte) {
	data := encode(program)
	if int64(len(data)) > c.limit {
		return
	}
	err := os.MkdirAll(c.dir, 0o700)
	if err == nil {
		err = files.WriteFast(c.path(key), data)
	}
	if err == nil {
		err = c.trim()
	}
	if err != nil {
		c.warn("a compiled program cannot be kept: " + err.Error())
	}
}

func (c *Cache) remove(key string) { _ = os.Remove(c.path(key)) }

func (c *Cache) path(key string) string { return filepath.Join(c.dir, key+ending) }

func (c *Cache) trim() error {
	entries, err := c.entries()
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var size int64
	for _, e := range entries {
		if size += e.Size(); size <= c.limit {
			continue
		}
		if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// entries lists the files of programs. Others may remove some meanwhile.
func (c *Cache) entries() ([]fs.FileInfo, error) {
	found, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var entries []fs.FileInfo
	for _, entry := range found {
		if !strings.HasSuffix(entry.Name(), ending) {
			continue
		}
		if info, err := entry.Info(); err == nil {
			entries = append(entries, info)
		}
	}
	return entries, err
}

// encode packs a program: the magic, a checksum of what follows, and the program compressed.
func encode(program []byte) []byte {
	packed := encoder.EncodeAll(program, nil)
	sum := sha256.Sum256(packed)
	return slices.Concat([]byte(magic), sum[:], packed)
}

func decode(data []byte) ([]byte, error) {
	head := len(magic) + sha256.Size
	if len(data) < head || string(data[:len(magic)]) != magic {
		return nil, errors.New("is no compiled program of this version")
	}
	if sum := sha256.Sum256(data[head:]); !bytes.Equal(sum[:], data[len(magic):head]) {
		return nil, errors.New("is damaged")
	}
	return decoder.DecodeAll(data[head:], nil)
}

var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
)
