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

	"github.com/google/renameio/v2"
)

// Write writes the tensors as float32, in the order of their names, so that
// equal content makes equal files. The file appears under its name only when it
// is complete and on disk.
func Write(path string, tensors map[string]Tensor, metadata map[string]string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, withoutName(err))
		}
	}()
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // nothing, if it went well
	if err := Encode(f, tensors, metadata); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// withoutName is the reason of an error of the system, without the temporary
// name that it is about.
func withoutName(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// Encode writes the format to w, values as float32.
func Encode(w io.Writer, tensors map[string]Tensor, metadata map[string]string) error {
	return encode(w, tensors, metadata, "F32")
}

// EncodeHalf writes the format to w, values as float16, rounded to the nearest
// and half way to the even one; see [RoundHalf].
func EncodeHalf(w io.Writer, tensors map[string]Tensor, metadata map[string]string) error {
	return encode(w, tensors, metadata, "F16")
}

func encode(w io.Writer, tensors map[string]Tensor, metadata map[string]string, dtype string) error {
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
		end := at + widths[dtype]*int64(size)
		header[name] = entry{DType: dtype, Shape: append([]int{}, t.Shape...), Offsets: [2]int64{at, end}}
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
			if dtype == "F16" {
				binary.LittleEndian.PutUint16(word[:], toHalf(v))
			} else {
				binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			}
			if _, err := out.Write(word[:widths[dtype]]); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// RoundHalf is the float16 nearest to v: what is read where [EncodeHalf] wrote v.
func RoundHalf(v float32) float32 { return fromHalf(toHalf(v)) }

// toHalf converts to IEEE 754 binary16, rounding to nearest, ties to even.
func toHalf(v float32) uint16 {
	const (
		largest   = 65504 // finite
		subnormal = 1.0 / (1 << 24)
		smallest  = 1.0 / (1 << 14) // normal
	)
	sign := uint16(math.Float32bits(v) >> 16 & 0x8000)
	a := math.Abs(float64(v))
	switch {
	case a != a:
		return sign | 0x7e00
	case a >= largest+16: // half way to the next power of two, whose even neighbour is infinity
		return sign | 0x7c00
	case a < smallest: // may round up to the first normal number, whose bits follow
		return sign | uint16(math.RoundToEven(a/subnormal))
	}
	fraction, exponent := math.Frexp(a)                     // a = fraction·2^exponent, fraction in [½, 1)
	steps := uint16(math.RoundToEven(fraction * (1 << 11))) // 1024 … 2048 of the fraction's last bit
	return sign | (uint16(exponent+13)<<10 + steps)         // the leading bit of steps carries into the exponent
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
