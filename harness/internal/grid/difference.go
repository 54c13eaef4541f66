package grid

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// ErrShapes reports pictures of different sizes, whose pixels have no partners.
var ErrShapes = errors.New("the pictures are of different sizes")

// WithDifferences puts pictures of one size side by side, as [SideBySide] does,
// and below each but the first a strip that shows where and how much it differs
// from the first: paper where they agree, ink where one has paper and the other
// ink.
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
	out := blank(top.Bounds().Dx(), 2*size.Y+gap)
	for y := range size.Y {
		for x := range top.Bounds().Dx() {
			out.Set(x, y, top.At(x, y))
		}
	}
	for i, img := range decoded[1:] {
		left := (i + 1) * (size.X + gap)
		for y := range size.Y {
			for x := range size.X {
				a, b := grey(decoded[0], x, y), grey(img, x, y)
				out.SetGray(left+x, size.Y+gap+y, color.Gray{Y: paper.Y - max(a, b) + min(a, b)})
			}
		}
	}
	return encode(out)
}

// grey is a pixel counted from the picture's own corner.
func grey(img image.Image, x, y int) uint8 {
	b := img.Bounds()
	return color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y
}
