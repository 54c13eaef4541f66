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
	return EncodeAs(w, F32, tensors, metadata)
}

// EncodeAs writes the format to w with values of a type, each the nearest to the
// given one, half way the one whose last bit is 0; see [RoundHalf].
func EncodeAs(w io.Writer, dtype DType, tensors map[string]Tensor, metadata map[string]string) error {
	if !slices.Contains(DTypes(), dtype) {
		return fmt.Errorf("values cannot be written as %s", dtype)
	}
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
		end := at + widths[string(dtype)]*int64(size)
		header[name] = entry{DType: string(dtype), Shape: append([]int{}, t.Shape...), Offsets: [2]int64{at, end}}
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
			switch dtype {
			case F16:
				binary.LittleEndian.PutUint16(word[:], toHalf(v))
			case BF16:
				binary.LittleEndian.PutUint16(word[:], toBrain(v))
			default:
				binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			}
			if _, err := out.Write(word[:widths[string(dtype)]]); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// DType is a type of values, by the format's name.
type DType string

// The types that values are written as.
const (
	F32  DType = "F32"  // IEEE 754 binary32
	F16  DType = "F16"  // IEEE 754 binary16
	BF16 DType = "BF16" // the upper half of a binary32
)

// DTypes lists the types that values are written as.
func DTypes() []DType { return []DType{F32, F16, BF16} }

// RoundHalf is the float16 nearest to v: what is read where [EncodeAs] wrote v as [F16].
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

// toBrain converts to bfloat16, rounding to nearest, ties to even.
func toBrain(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40 // stays a NaN whatever its payload
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
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
