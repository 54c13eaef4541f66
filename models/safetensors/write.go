package safetensors

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Write writes the tensors as float32, in the order of their names, so that
// equal content makes equal files. The file appears under its name only when it
// is complete and on disk.
func Write(path string, tensors map[string]Tensor, metadata map[string]string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := Encode(f, tensors, metadata); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Encode writes the format to w.
func Encode(w io.Writer, tensors map[string]Tensor, metadata map[string]string) error {
	names := slices.Sorted(maps.Keys(tensors))
	header := make(map[string]any, len(names)+1)
	var at int64
	for _, name := range names {
		t := tensors[name]
		size := 1
		for _, d := range t.Shape {
			size *= d
		}
		if name == metadataKey || size != len(t.Data) {
			return fmt.Errorf("tensor %q of shape %v has %d values", name, t.Shape, len(t.Data))
		}
		end := at + 4*int64(size)
		header[name] = entry{DType: "F32", Shape: append([]int{}, t.Shape...), Offsets: [2]int64{at, end}}
		at = end
	}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	raw, err := json.Marshal(header) // map keys in order
	if err != nil {
		return err
	}
	for len(raw)%8 != 0 { // the data begins aligned
		raw = append(raw, ' ')
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if err := binary.Write(out, binary.LittleEndian, uint64(len(raw))); err != nil {
		return err
	}
	if _, err := out.Write(raw); err != nil {
		return err
	}
	var word [4]byte
	for _, name := range names {
		for _, v := range tensors[name].Data {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			if _, err := out.Write(word[:]); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// syncDir makes a rename in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
