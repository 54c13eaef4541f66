package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	tensors := map[string]Tensor{
		"b.weight": {Shape: []int{2, 3}, Data: []float32{1, -2, float32(math.Inf(1)), 0, math.SmallestNonzeroFloat32, 3}},
		"a":        {Shape: []int{}, Data: []float32{7}},
		"empty":    {Shape: []int{0, 4}, Data: []float32{}},
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := Write(path, tensors, map[string]string{"format": "pt", "odd": "ä\"\n"}); err != nil {
		t.Fatal(err)
	}
	got, meta, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range tensors {
		if !slices.Equal(got[name].Shape, want.Shape) || !slices.Equal(got[name].Data, want.Data) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if len(got) != 3 || meta["odd"] != "ä\"\n" {
		t.Errorf("%d tensors, metadata %v", len(got), meta)
	}
	var again bytes.Buffer
	if err := Encode(&again, got, meta); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(path)
	if !bytes.Equal(first, again.Bytes()) {
		t.Error("equal content makes different files")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}

func TestWriteThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	err := Write(filepath.Join(dir, "w"), map[string]Tensor{"a": {Shape: []int{2}, Data: []float32{1}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "has 1 values") {
		t.Errorf("error is %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}

func TestOtherTypesAreConverted(t *testing.T) {
	for _, tc := range []struct {
		dtype string
		data  []byte
		want  []float32
	}{
		{"F16", []byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c}, []float32{1, -2, 5.9604645e-08, float32(math.Inf(1))}},
		{"BF16", []byte{0x80, 0x3f, 0x00, 0xc0}, []float32{1, -2}},
		{"F64", binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.5)), []float32{0.5}},
		{"I32", []byte{0xff, 0xff, 0xff, 0xff}, []float32{-1}},
		{"I64", []byte{3, 0, 0, 0, 0, 0, 0, 0}, []float32{3}},
	} {
		header := `{"x":{"dtype":"` + tc.dtype + `","shape":[` + string(rune('0'+len(tc.want))) +
			`],"data_offsets":[0,` + string(rune('0'+len(tc.data))) + `]}}`
		got, _, err := decode(file(header, tc.data))
		if err != nil {
			t.Errorf("%s: %v", tc.dtype, err)
			continue
		}
		if !slices.Equal(got["x"].Data, tc.want) {
			t.Errorf("%s gives %v, want %v", tc.dtype, got["x"].Data, tc.want)
		}
	}
}

func TestHalfIsTheNearest(t *testing.T) {
	// Every finite float16 comes back, and what lies between two goes to the
	// nearer one, half way to the one whose last bit is 0.
	for h := range uint16(0x7c00) {
		v := fromHalf(h)
		if toHalf(v) != h || toHalf(-v) != h|0x8000 {
			t.Fatalf("%g (%04x) comes back as %04x", v, h, toHalf(v))
		}
		if h == 0x7bff {
			break // the next one is infinity
		}
		next := fromHalf(h + 1)
		half := v + (next-v)/2 // exact in float32
		if got, want := toHalf(half), h+h&1; got != want {
			t.Fatalf("half way between %g and %g is %04x, want %04x", v, next, got, want)
		}
		if toHalf(math.Nextafter32(half, 0)) != h || toHalf(math.Nextafter32(half, next)) != h+1 {
			t.Fatalf("near the half way between %g and %g rounds wrongly", v, next)
		}
	}
	for v, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, float32(math.Inf(-1)): 0xfc00, 1e-30: 0} {
		if got := toHalf(v); got != want {
			t.Errorf("%g is %04x, want %04x", v, got, want)
		}
	}
	if h := toHalf(float32(math.NaN())); !math.IsNaN(float64(fromHalf(h))) {
		t.Errorf("NaN is %04x", h)
	}
}

func TestHalfIsWrittenInTwoBytes(t *testing.T) {
	var out bytes.Buffer
	if err := EncodeAs(&out, F16, map[string]Tensor{"a": {Shape: []int{3}, Data: []float32{1, -0.1, 1.0 / 3}}},
		map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	got, meta, err := decode(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, RoundHalf(-0.1), RoundHalf(1.0 / 3)}
	if !slices.Equal(got["a"].Data, want) || meta["k"] != "v" {
		t.Errorf("read %v %v, want %v", got["a"].Data, meta, want)
	}
	if length := binary.LittleEndian.Uint64(out.Bytes()); uint64(out.Len()) != 8+length+6 {
		t.Errorf("%d bytes for three values after a header of %d", out.Len(), length)
	}
}

func TestBrainFloatIsTheNearest(t *testing.T) {
	for v, want := range map[float32]uint16{
		1: 0x3f80, -2: 0xc000, 1 + 1.0/256: 0x3f80, 1 + 3.0/256: 0x3f82, 1 + 1.01/256: 0x3f81, // ties go to the even one
		float32(math.Inf(1)): 0x7f80, math.MaxFloat32: 0x7f80, 0: 0,
	} {
		if got := toBrain(v); got != want {
			t.Errorf("%g is %04x, want %04x", v, got, want)
		}
	}
	for _, payload := range []uint32{0x7f800001, 0x7fffffff, 0xff800001} {
		var out bytes.Buffer
		if err := EncodeAs(&out, BF16, map[string]Tensor{"a": {Shape: []int{1}, Data: []float32{math.Float32frombits(payload)}}},
			nil); err != nil {
			t.Fatal(err)
		}
		if got, _, err := decode(out.Bytes()); err != nil || !math.IsNaN(float64(got["a"].Data[0])) {
			t.Errorf("NaN %08x is read as %v, %v", payload, got["a"].Data, err)
		}
	}
	if err := EncodeAs(&bytes.Buffer{}, "F64", nil, nil); err == nil {
		t.Error("a type that is not written is accepted")
	}
}

func TestDecodeRefuses(t *testing.T) {
	four := []byte{1, 2, 3, 4}
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, "ends within the 8 bytes"},
		{"a header longer than the file", binary.LittleEndian.AppendUint64(nil, 50), "claims a header of 50 bytes"},
		{"a header beyond the format's limit", append(binary.LittleEndian.AppendUint64(nil, 1<<62), four...), "claims a header of"},
		{"a header that is no object", file(`[1]`, nil), "not a JSON object"},
		{"a header that is cut off", file(`{"a":`, nil), "header is not valid"},
		{"something after the header", file(`{} x`, nil), "header is not valid"},
		{"an unknown type", file(`{"a":{"dtype":"Q8","shape":[4],"data_offsets":[0,4]}}`, four), `has type "Q8"`},
		{"a shape of another size", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, four), "does not fit"},
		{"a shape smaller than its data", file(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, four), "claims bytes 0 to 4"},
		{"a negative dimension", file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, four), "does not fit"},
		{"dimensions that overflow",
			file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,4]}}`, four), "does not fit"},
		{"a gap before the data", file(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, four), "should begin at 0"},
		{"data that nothing claims", file(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, four), "the tensors cover 2 bytes"},
		{"tensors that overlap",
			file(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, four),
			"should begin at 4"},
		{"offsets that go backwards", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, four), "should begin at 0"},
		{"offsets beyond the file", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, four), "claims bytes 0 to 8"},
		{"a name twice",
			file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, four),
			`"a" appears twice`},
		{"metadata that is no text", file(`{"__metadata__":{"a":1}}`, nil), "__metadata__"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := decode(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"k":"v"}}`, []byte{1, 2, 3, 4}))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[2,0],"data_offsets":[0,0]}}`, nil))
	f.Add(file(`{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,-4]}}`, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, _, err := decode(data)
		if err != nil {
			return
		}
		for name, x := range tensors {
			n := 1
			for _, d := range x.Shape {
				n *= d
			}
			if n != len(x.Data) {
				t.Errorf("%q has shape %v and %d values", name, x.Shape, len(x.Data))
			}
		}
	})
}

func decode(data []byte) (map[string]Tensor, map[string]string, error) {
	return Decode(bytes.NewReader(data), int64(len(data)))
}

func file(header string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}
