// Package grid draws images of samples as PNG files.
package grid

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"slices"

	"flowharness/harness/internal/dataset"
)

// gutter is how many pixels images stand apart on paper.
const gutter = 4

// scaleOf is how many pixels of a grid a pixel of an image is high and wide: large
// images are drawn as they are.
func scaleOf(shape dataset.Spec) int {
	if max(shape.Height, shape.Width) > 64 {
		return 1
	}
	return 2
}

var paper = color.Gray{Y: 0xff}

// Encode draws rows × cols images [rows·cols, Height, Width, Channels] of a
// dataset's shape, values in [-1, 1]. Images of one channel are drawn dark on light
// as the tutorial prints them, -1 is paper, 1 is ink, unless they are Bright. Those of
// three are red, green and blue, -1 dark and 1 bright. Values beyond are clipped; one that is not a
// number is drawn mid-grey. Equal images give equal bytes.
func Encode(images []float32, shape dataset.Spec, rows, cols int) ([]byte, error) {
	if shape.Channels != 1 && shape.Channels != 3 {
		return nil, fmt.Errorf("images of %d channels cannot be drawn: it takes 1 (grey) or 3 (red, green, blue)", shape.Channels)
	}
	if want := rows * cols * shape.Pixels(); len(images) != want || want == 0 {
		return nil, fmt.Errorf("a grid of %d×%d images of %d×%d needs %d values, got %d", rows, cols, shape.Height, shape.Width, want,
			len(images))
	}
	scale := scaleOf(shape)
	cellH, cellW := shape.Height*scale+gutter, shape.Width*scale+gutter
	img := blank(cols*cellW+gutter, rows*cellH+gutter, shape.Channels == 3)
	for i := range rows * cols {
		top, left := gutter+i/cols*cellH, gutter+i%cols*cellW
		values := images[i*shape.Pixels() : (i+1)*shape.Pixels()]
		for y := range shape.Height * scale {
			for x := range shape.Width * scale {
				at := (y/scale*shape.Width + x/scale) * shape.Channels
				img.Set(left+x, top+y, colourOf(values[at:at+shape.Channels], shape.Bright))
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
	out := blank(width+gap*(len(decoded)-1), height, slices.ContainsFunc(decoded, inColour))
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

// colourOf is the colour of a pixel of one or three values.
func colourOf(values []float32, bright bool) color.Color {
	if len(values) == 1 && bright {
		return color.Gray{Y: level(values[0])}
	}
	if len(values) == 1 {
		return color.Gray{Y: level(-values[0])}
	}
	return color.RGBA{R: level(values[0]), G: level(values[1]), B: level(values[2]), A: 0xff}
}

// level maps [-1, 1] to 0 … 255.
func level(v float32) uint8 {
	f := float64(v)
	if math.IsNaN(f) {
		return 0x80
	}
	return uint8(math.Round((1 + min(max(f, -1), 1)) / 2 * 255))
}

// blank is paper to draw on.
func blank(width, height int, colour bool) draw.Image {
	size := image.Rect(0, 0, width, height)
	var img draw.Image = image.NewGray(size)
	if colour {
		img = image.NewRGBA(size)
	}
	draw.Draw(img, size, image.NewUniform(paper), image.Point{}, draw.Src)
	return img
}

// inColour tells a picture that was drawn of images of three channels.
func inColour(img image.Image) bool {
	return img.ColorModel() != color.GrayModel && img.ColorModel() != color.Gray16Model
}

func encode(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
