// Package safetensors reads and writes the safetensors format: 8 bytes of
// header length (little-endian), a JSON header of names, dtypes, shapes and
// offsets, and the raw little-endian values.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// maxHeader is the largest header the format allows.
const maxHeader = 100_000_000

// metadataKey is the header's entry for free text, not a tensor.
const metadataKey = "__metadata__"

// Tensor holds values in row-major order, as float32 whatever their type in the
// file.
type Tensor struct {
	Shape []int
	Data  []float32
}

// entry is a tensor's line in the header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// widths are the accepted types and their bytes a value.
var widths = map[string]int64{"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I32": 4, "I64": 8}

// Read reads a file. Besides float32 it accepts F16, BF16, F64, I32 and I64 and
// converts them. It refuses a file whose header lies about what follows.
func Read(path string) (map[string]Tensor, map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	tensors, metadata, err := Decode(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return tensors, metadata, nil
}

// Decode reads size bytes of r.
func Decode(r io.Reader, size int64) (map[string]Tensor, map[string]string, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, nil, fmt.Errorf("not a safetensors file: it ends within the 8 bytes of header length")
	}
	if length > maxHeader || int64(length) > size-8 {
		return nil, nil, fmt.Errorf("not a safetensors file, or truncated: it claims a header of %d bytes and has %d bytes in all", length, size)
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, nil, fmt.Errorf("reading the header: %w", err)
	}
	entries, metadata, err := parseHeader(raw)
	if err != nil {
		return nil, nil, err
	}
	names, err := checkOffsets(entries, size-8-int64(length))
	if err != nil {
		return nil, nil, err
	}
	tensors := make(map[string]Tensor, len(names))
	for _, name := range names { // in the order of the data
		e := entries[name]
		data := make([]byte, e.Offsets[1]-e.Offsets[0])
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, nil, fmt.Errorf("reading tensor %q: %w", name, err)
		}
		tensors[name] = Tensor{Shape: e.Shape, Data: toFloat32(e.DType, data)}
	}
	return tensors, metadata, nil
}

// parseHeader decodes the JSON object key by key, since encoding/json would let
// a later duplicate replace an earlier one in silence.
func parseHeader(raw []byte) (map[string]entry, map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	bad := func(err error) error { return fmt.Errorf("the header is not valid: %w", err) }
	if tok, err := dec.Token(); err != nil {
		return nil, nil, bad(err)
	} else if tok != json.Delim('{') {
		return nil, nil, bad(errors.New("it is not a JSON object"))
	}
	entries := map[string]entry{}
	var metadata map[string]string
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, nil, bad(err)
		}
		name, _ := tok.(string)
		if name == metadataKey {
			if metadata != nil {
				return nil, nil, bad(fmt.Errorf("%s appears twice", metadataKey))
			}
			if err := dec.Decode(&metadata); err != nil {
				return nil, nil, bad(fmt.Errorf("%s: %w", metadataKey, err))
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, nil, bad(fmt.Errorf("tensor %q appears twice", name))
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, nil, bad(fmt.Errorf("tensor %q: %w", name, err))
		}
		entries[name] = e
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, bad(err)
	}
	if dec.More() {
		return nil, nil, bad(errors.New("something follows the JSON object"))
	}
	return entries, metadata, nil
}

// checkOffsets returns the names in the order of their data, which must cover
// the buffer of size bytes without gap or overlap.
func checkOffsets(entries map[string]entry, size int64) ([]string, error) {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	var at int64
	for _, name := range names {
		e := entries[name]
		width, ok := widths[e.DType]
		if !ok {
			return nil, fmt.Errorf("tensor %q has type %q; accepted are F32, F16, BF16, F64, I32, I64", name, e.DType)
		}
		want := width
		for _, d := range e.Shape {
			if d < 0 || (d > 0 && want > size/int64(d)) {
				return nil, fmt.Errorf("tensor %q has shape %v, which does not fit in the %d bytes of data", name, e.Shape, size)
			}
			want *= int64(d)
		}
		if e.Offsets[0] != at || e.Offsets[1]-e.Offsets[0] != want || e.Offsets[1] > size {
			return nil, fmt.Errorf("tensor %q (%s %v, %d bytes) claims bytes %d to %d of %d; it should begin at %d",
				name, e.DType, e.Shape, want, e.Offsets[0], e.Offsets[1], size, at)
		}
		at = e.Offsets[1]
	}
	if at != size {
		return nil, fmt.Errorf("the tensors cover %d bytes, the file has %d bytes of data", at, size)
	}
	return names, nil
}

func toFloat32(dtype string, data []byte) []float32 {
	le := binary.LittleEndian
	out := make([]float32, int64(len(data))/widths[dtype])
	for i := range out {
		switch dtype {
		case "F32":
			out[i] = math.Float32frombits(le.Uint32(data[4*i:]))
		case "F16":
			out[i] = fromHalf(le.Uint16(data[2*i:]))
		case "BF16":
			out[i] = math.Float32frombits(uint32(le.Uint16(data[2*i:])) << 16)
		case "F64":
			out[i] = float32(math.Float64frombits(le.Uint64(data[8*i:])))
		case "I32":
			out[i] = float32(int32(le.Uint32(data[4*i:])))
		case "I64":
			out[i] = float32(int64(le.Uint64(data[8*i:])))
		}
	}
	return out
}

// fromHalf converts IEEE 754 binary16.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exponent == 0: // zero and subnormals: fraction · 2^-24
		v := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case exponent == 0x1f: // infinity and NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}
