package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// quarters is a picture whose upper left, upper right, lower left and lower right are of four colours.
func quarters(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, corners[2*(2*y/height)+2*x/width])
		}
	}
	return img
}

var corners = []color.RGBA{{200, 40, 40, 255}, {40, 200, 40, 255}, {40, 40, 200, 255}, {220, 220, 220, 255}}

func encoded(t *testing.T, encode func(b *bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t *testing.T, img image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

// near compares the middle of each quarter of an image with a colour.
func near(t *testing.T, pixels []uint8, side int, want []color.RGBA, tolerance int) {
	t.Helper()
	for q, c := range want {
		y, x := side/4+side/2*(q/2), side/4+side/2*(q%2)
		at := 3 * (y*side + x)
		for i, v := range []uint8{c.R, c.G, c.B} {
			if d := int(pixels[at+i]) - int(v); d > tolerance || d < -tolerance {
				t.Errorf("quarter %d is %v, want %v", q, pixels[at:at+3], c)
				break
			}
		}
	}
}

func TestEveryFormatIsScaledAndCropped(t *testing.T) {
	wide := quarters(80, 40)
	for name, data := range map[string][]byte{
		"png":  pngOf(t, wide),
		"bmp":  encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, wide) }),
		"gif":  encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, wide, nil) }),
		"jpeg": encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, wide, &jpeg.Options{Quality: 98}) }),
	} {
		t.Run(name, func(t *testing.T) {
			out := make([]uint8, 8*8*3)
			if err := Pixels(data, out, 8, 8, 3, true); err != nil {
				t.Fatal(err)
			}
			near(t, out, 8, corners, 12)
			if err := Pixels(data, out, 8, 8, 3, false); err == nil || err.Error() != "is 40×80, others are 8×8" {
				t.Errorf("not scaled the error is %v", err)
			}
		})
	}
}

// A reduction averages what it covers: a fine checkerboard becomes grey.
func TestScalingIsAntialiased(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = uint8((i%64 + i/64) % 2 * 255)
	}
	out := make([]uint8, 64)
	if err := Pixels(pngOf(t, img), out, 8, 8, 1, true); err != nil {
		t.Fatal(err)
	}
	for i, v := range out {
		if v < 118 || v > 138 {
			t.Fatalf("pixel %d of the reduced checkerboard is %d", i, v)
		}
	}
}

func TestDepthsAndColoursAreConverted(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 2, 2))
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	palette := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.RGBA{10, 20, 30, 255}})
	for i := range 4 {
		deep.Set(i%2, i/2, color.Gray16{Y: 0x1234})
		clear.Set(i%2, i/2, color.NRGBA{R: 255, A: 0x80})
	}
	// The first frame of this animation covers its lower right only.
	frame := image.NewPaletted(image.Rect(1, 1, 2, 2), color.Palette{color.RGBA{0, 0, 0, 255}})
	second := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.RGBA{255, 0, 0, 255}})
	animation := encoded(t, func(b *bytes.Buffer) error {
		return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{frame, second}, Delay: []int{1, 1},
			Config: image.Config{Width: 2, Height: 2}})
	})
	for _, tc := range []struct {
		name     string
		data     []byte
		channels int
		want     []uint8
	}{
		{"16 bits", pngOf(t, deep), 1, []uint8{0x12, 0x12, 0x12, 0x12}},
		{"transparent on white", pngOf(t, clear), 3, bytes.Repeat([]uint8{255, 127, 127}, 4)},
		{"palette", pngOf(t, palette), 3, bytes.Repeat([]uint8{10, 20, 30}, 4)},
		{"colours made grey by Rec. 601", pngOf(t, palette), 1, []uint8{18, 18, 18, 18}},
		{"first frame of an animation", animation, 1, []uint8{255, 255, 255, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := make([]uint8, 4*tc.channels)
			if err := Pixels(tc.data, out, 2, 2, tc.channels, false); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out, tc.want) {
				t.Errorf("pixels are %v, want %v", out, tc.want)
			}
		})
	}
}

// withOrientation puts an EXIF segment into a JPEG file.
func withOrientation(data []byte, o uint16, order binary.ByteOrder) []byte {
	mark := "II*\x00"
	if order == binary.BigEndian {
		mark = "MM\x00*"
	}
	tiff := []byte(mark)
	u16 := func(v uint16) { tiff = append(tiff, 0, 0); order.PutUint16(tiff[len(tiff)-2:], v) }
	u32 := func(v uint32) { tiff = append(tiff, 0, 0, 0, 0); order.PutUint32(tiff[len(tiff)-4:], v) }
	u32(8)
	u16(1)
	u16(0x0112)
	u16(3)
	u32(1)
	u16(o)
	u16(0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := []byte{0xff, 0xd8, 0xff, 0xe1, 0, 0}
	binary.BigEndian.PutUint16(head[4:], uint16(len(segment)+2))
	return append(append(head, segment...), data[2:]...)
}

func TestPhotographsAreTurnedUpright(t *testing.T) {
	data := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(32, 32), &jpeg.Options{Quality: 98}) })
	for o, want := range [][]int{nil, {0, 1, 2, 3}, {1, 0, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1}, {0, 2, 1, 3}, {2, 0, 3, 1}, {3, 1, 2,
		0}, {1, 3, 0, 2}} {
		if want == nil {
			continue
		}
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var turned []color.RGBA
			for _, i := range want {
				turned = append(turned, corners[i])
			}
			out := make([]uint8, 8*8*3)
			if err := Pixels(withOrientation(data, uint16(o), order), out, 8, 8, 3, true); err != nil {
				t.Fatal(err)
			}
			near(t, out, 8, turned, 25)
		}
	}
	tall := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(40, 20), nil) })
	if s, err := SizeOf(withOrientation(tall, 6, binary.BigEndian)); err != nil || s != (Size{Height: 40, Width: 20}) {
		t.Errorf("the size is %+v (%v)", s, err)
	}
}

func TestPicturesThatAreRefused(t *testing.T) {
	good := pngOf(t, quarters(8, 8))
	huge := bytes.Clone(good)
	binary.BigEndian.PutUint32(huge[16:], 1<<30)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "the file is empty"},
		{"text", []byte("hello, world"), "is not a PNG, JPEG, WebP, BMP or GIF picture: it begins with 68 65"},
		{"half a file", good[:len(good)/2], "not enough pixel data"},
		{"an animated WebP", append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00"), make([]byte, 20)...),
			"animated WebP"},
		{"a lie about its size", huge, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := Pixels(tc.data, make([]uint8, 192), 8, 8, 3, true); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}

// Nothing that is given for a picture panics.
func FuzzPixels(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, quarters(8, 8), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(withOrientation(b.Bytes(), 6, binary.LittleEndian))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if size, err := SizeOf(data); err != nil || size.Height*size.Width > 1<<16 {
			return
		}
		_ = Pixels(data, make([]uint8, 192), 8, 8, 3, true)
	})
}
