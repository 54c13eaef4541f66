// Package grid draws images of samples as PNG files.
package grid

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
)

// Look of a grid: every pixel of a sample becomes scale × scale, and images
// stand gutter pixels apart on paper.
const (
	scale  = 2
	gutter = 4
)

var paper = color.Gray{Y: 0xff}

// Encode draws rows × cols images [rows·cols, height, width], values in
// [-1, 1], dark on light as the tutorial prints them: -1 is paper, 1 is ink.
// Values beyond are clipped; one that is not a number is drawn mid-grey. Equal
// images give equal bytes.
func Encode(images []float32, height, width, rows, cols int) ([]byte, error) {
	if want := rows * cols * height * width; len(images) != want || want == 0 {
		return nil, fmt.Errorf("a grid of %d×%d images of %d×%d needs %d values, got %d", rows, cols, height, width, want, len(images))
	}
	cellH, cellW := height*scale+gutter, width*scale+gutter
	img := blank(cols*cellW+gutter, rows*cellH+gutter)
	for i := range rows * cols {
		top, left := gutter+i/cols*cellH, gutter+i%cols*cellW
		pixels := images[i*height*width : (i+1)*height*width]
		for y := range height * scale {
			for x := range width * scale {
				img.SetGray(left+x, top+y, color.Gray{Y: ink(pixels[y/scale*width+x/scale])})
			}
		}
	}
	return encode(img)
}

// SideBySide puts pictures next to each other, left to right, tops aligned.
func SideBySide(pictures ...[]byte) ([]byte, error) {
	if len(pictures) == 0 {
		return nil, fmt.Errorf("there are no pictures to put side by side")
	}
	var decoded []image.Image
	width, height := 0, 0
	for i, p := range pictures {
		img, err := png.Decode(bytes.NewReader(p))
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
		decoded = append(decoded, img)
		width += img.Bounds().Dx()
		height = max(height, img.Bounds().Dy())
	}
	const gap = 4 * gutter
	out := blank(width+gap*(len(decoded)-1), height)
	left := 0
	for _, img := range decoded {
		b := img.Bounds()
		for y := range b.Dy() {
			for x := range b.Dx() {
				out.Set(left+x, y, img.At(b.Min.X+x, b.Min.Y+y))
			}
		}
		left += b.Dx() + gap
	}
	return encode(out)
}

func ink(v float32) uint8 {
	f := float64(v)
	if math.IsNaN(f) {
		return 0x80
	}
	return uint8(math.Round((1 - min(max(f, -1), 1)) / 2 * 255))
}

func blank(width, height int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = paper.Y
	}
	return img
}

func encode(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
