package grid

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// ErrShapes reports pictures of different sizes, whose pixels have no partners.
var ErrShapes = errors.New("the pictures are of different sizes")

// WithDifferences puts pictures of one size side by side, as [SideBySide] does,
// and below each but the first a strip that shows where and how much it differs
// from the first: paper where they agree, ink where one has paper and the other
// ink. Pictures in colour differ channel by channel.
func WithDifferences(pictures ...[]byte) ([]byte, error) {
	upper, err := SideBySide(pictures...)
	if err != nil || len(pictures) < 2 {
		return upper, err
	}
	decoded := make([]image.Image, len(pictures))
	for i, p := range pictures {
		if decoded[i], err = png.Decode(bytes.NewReader(p)); err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
		if decoded[i].Bounds().Size() != decoded[0].Bounds().Size() {
			return nil, fmt.Errorf("%w: picture 1 %v, picture %d %v", ErrShapes, decoded[0].Bounds().Size(), i+1, decoded[i].Bounds().Size())
		}
	}
	top, err := png.Decode(bytes.NewReader(upper))
	if err != nil {
		return nil, err
	}
	const gap = 4 * gutter
	size := decoded[0].Bounds().Size()
	out := blank(top.Bounds().Dx(), 2*size.Y+gap, inColour(top))
	for y := range size.Y {
		for x := range top.Bounds().Dx() {
			out.Set(x, y, top.At(x, y))
		}
	}
	for i, img := range decoded[1:] {
		left := (i + 1) * (size.X + gap)
		differ(out, left, size.Y+gap, decoded[0], img)
	}
	return encode(out)
}

// Difference shows where and how much two pictures of one size differ, as a
// picture of that size; [ErrShapes] if they are not of one size.
func Difference(a, b []byte) ([]byte, error) {
	first, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		return nil, fmt.Errorf("picture 1: %w", err)
	}
	second, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("picture 2: %w", err)
	}
	size := first.Bounds().Size()
	if second.Bounds().Size() != size {
		return nil, fmt.Errorf("%w: picture 1 %v, picture 2 %v", ErrShapes, size, second.Bounds().Size())
	}
	out := blank(size.X, size.Y, inColour(first) || inColour(second))
	differ(out, 0, 0, first, second)
	return encode(out)
}

// differ draws the difference of two pictures of one size.
func differ(out draw.Image, left, top int, first, second image.Image) {
	apart := func(a, b uint8) uint8 { return paper.Y - max(a, b) + min(a, b) }
	colour := inColour(out)
	size := first.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			if !colour {
				out.Set(left+x, top+y, color.Gray{Y: apart(grey(first, x, y), grey(second, x, y))})
				continue
			}
			a, b := rgb(first, x, y), rgb(second, x, y)
			out.Set(left+x, top+y, color.RGBA{R: apart(a.R, b.R), G: apart(a.G, b.G), B: apart(a.B, b.B), A: 0xff})
		}
	}
}

// grey is a pixel counted from the picture's own corner; rgb is one in colour.
func grey(img image.Image, x, y int) uint8 {
	b := img.Bounds()
	return color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y
}

func rgb(img image.Image, x, y int) color.RGBA {
	b := img.Bounds()
	return color.RGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.RGBA)
}
