package grid

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/dataset"
)

// Shapes of images.
var (
	grey4x3  = dataset.Spec{Height: 4, Width: 3, Channels: 1}
	onePixel = dataset.Spec{Height: 1, Width: 1, Channels: 1}
	rgb1x2   = dataset.Spec{Height: 1, Width: 2, Channels: 3}
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// ramps are rows × cols images of 4×3 pixels, each a ramp from paper to ink that
// begins a little further, with one pixel beyond either end and one that is not
// a number.
func ramps(rows, cols int) []float32 {
	const height, width = 4, 3
	images := make([]float32, rows*cols*height*width)
	for i := range images {
		images[i] = -1 + 2*float32(i%(height*width))/(height*width-1)
	}
	images[0], images[1], images[2] = -7, 7, float32(math.NaN())
	return images
}

func TestEncodeDrawsRowsOfImages(t *testing.T) {
	got, err := Encode(ramps(2, 3), grey4x3, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "grid.png", got)

	again, err := Encode(ramps(2, 3), grey4x3, 2, 3)
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("equal images give different bytes (%v)", err)
	}
}

func TestEncodeMapsValuesToInk(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value float64
		want  uint8
	}{
		{"-1 is paper", -1, 0xff},
		{"1 is ink", 1, 0},
		{"0 lies between", 0, 0x80},
		{"below -1 is paper", -3, 0xff},
		{"above 1 is ink", 3, 0},
		{"minus infinity is paper", math.Inf(-1), 0xff},
		{"infinity is ink", math.Inf(1), 0},
		{"not a number is grey", math.NaN(), 0x80},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := Encode([]float32{float32(tc.value)}, onePixel, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			img := decode(t, data)
			if got := uint8(at(img, gutter, gutter) >> 8); got != tc.want {
				t.Errorf("the pixel is %#x, want %#x", got, tc.want)
			}
			if size := img.Bounds().Size(); size != image.Pt(2+2*gutter, 2+2*gutter) {
				t.Errorf("the picture's size is %v", size)
			}
		})
	}
}

func TestEncodeRefusesOtherNumbersOfValues(t *testing.T) {
	for _, n := range []int{0, 71, 73} {
		if _, err := Encode(make([]float32, n), grey4x3, 2, 3); err == nil ||
			!strings.Contains(err.Error(), "a grid of 2×3 images of 4×3 needs 72 values") {
			t.Errorf("%d values: error is %v", n, err)
		}
	}
	if _, err := Encode(nil, grey4x3, 0, 3); err == nil {
		t.Error("a grid without rows was drawn")
	}
}

func TestSideBySideAlignsTops(t *testing.T) {
	var pictures [][]byte
	for _, rows := range []int{2, 1} {
		p, err := Encode(ramps(rows, 2), grey4x3, rows, 2)
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, p)
	}
	got, err := SideBySide(pictures...)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "side_by_side.png", got)

	one, err := SideBySide(pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	samePicture(t, decode(t, one), decode(t, pictures[0]))
}

func TestSideBySideRefuses(t *testing.T) {
	good, err := Encode([]float32{0}, onePixel, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SideBySide(); err == nil || !strings.Contains(err.Error(), "no pictures") {
		t.Errorf("without pictures: error is %v", err)
	}
	for name, bad := range map[string][]byte{"text": []byte("no picture"), "a truncated picture": good[:len(good)/2], "nothing": nil} {
		if _, err := SideBySide(good, bad); err == nil || !strings.Contains(err.Error(), "picture 2: ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// golden compares pixels, not bytes, which depend on Go's compressor.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	samePicture(t, decode(t, got), decode(t, want))
}

func samePicture(t *testing.T, got, want image.Image) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("the picture has the bounds %v, want %v", got.Bounds(), want.Bounds())
	}
	if !slices.Equal(pixels(got), pixels(want)) {
		t.Error("the picture is not the golden one (go test -update writes it anew)")
	}
}

func pixels(img image.Image) []uint32 {
	var list []uint32
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			list = append(list, at(img, x, y))
		}
	}
	return list
}

func at(img image.Image, x, y int) uint32 {
	grey, _, _, _ := img.At(x, y).RGBA()
	return grey
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestImagesOfThreeChannelsAreDrawnInTheirColours(t *testing.T) {
	nan := float32(math.NaN())
	picture, err := Encode([]float32{1, -1, 0, nan, 5, -5}, rgb1x2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	img := decode(t, picture)
	for i, want := range []color.RGBA{{0xff, 0, 0x80, 0xff}, {0x80, 0xff, 0, 0xff}} {
		if got := rgb(img, gutter+i*2, gutter); got != want {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
	if got := rgb(img, 0, 0); got != (color.RGBA{0xff, 0xff, 0xff, 0xff}) {
		t.Errorf("paper is %v", got)
	}
	if _, err := Encode(make([]float32, 4), dataset.Spec{Height: 1, Width: 2, Channels: 2}, 1, 1); err == nil ||
		!strings.Contains(err.Error(), "1 (grey) or 3") {
		t.Errorf("images of two channels: %v", err)
	}

	other, err := Encode([]float32{1, 1, 0, nan, 5, 5}, rgb1x2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	difference, err := Difference(picture, other)
	if err != nil {
		t.Fatal(err)
	}
	strip, err := WithDifferences(picture, other)
	if err != nil {
		t.Fatal(err)
	}
	below := decode(t, strip)
	left, top := img.Bounds().Dx()+4*gutter, img.Bounds().Dy()+4*gutter
	for i, want := range []color.RGBA{{0xff, 0, 0xff, 0xff}, {0xff, 0xff, 0, 0xff}} { // green differs, then blue
		x, y := gutter+i*2, gutter
		if got := rgb(decode(t, difference), x, y); got != want {
			t.Errorf("pixel %d differs by %v, want %v", i, got, want)
		}
		if got := rgb(below, left+x, top+y); got != want {
			t.Errorf("below, pixel %d differs by %v, want %v", i, got, want)
		}
	}
	// Beside a grey picture, both keep their colours.
	grey, err := Encode([]float32{1, -1}, dataset.Spec{Height: 1, Width: 2, Channels: 1}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	both, err := SideBySide(grey, picture)
	if err != nil {
		t.Fatal(err)
	}
	if got := rgb(decode(t, both), left+gutter, gutter); got != (color.RGBA{0xff, 0, 0x80, 0xff}) {
		t.Errorf("beside a grey picture, the first pixel is %v", got)
	}
}
