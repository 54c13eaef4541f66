// Package picture makes images of one size of the picture files that people have: PNG, JPEG, WebP, BMP and GIF of any size,
// depth and colour.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // registers its decoder, as do those below
	_ "image/jpeg"
	_ "image/png"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// maxPixels bounds the pictures that are decoded: a file of a few bytes can claim any size.
const maxPixels = 100_000_000

// Size is what a picture's header says, as it is seen: turned as its orientation asks for.
type Size struct {
	Height, Width int
	Grey          bool // it has no colours by its format
}

// SizeOf reads the header of an encoded picture.
func SizeOf(data []byte) (s Size, err error) {
	defer recoverTo(&err)
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return s, reason(data, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return s, fmt.Errorf("claims to be %d×%d; pictures of 1 to %d pixels are read", c.Height, c.Width, maxPixels)
	}
	s = Size{Height: c.Height, Width: c.Width, Grey: c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model}
	if orientation(data).turns() {
		s.Height, s.Width = s.Width, s.Height
	}
	return s, nil
}

// Pixels decodes a picture into dst [height, width, channels], row-major; channels is 1 (grey) or 3 (red, green, blue). Where
// fit is set, the largest rectangle of dst's proportions in the picture's middle is scaled to it, antialiased (a Catmull-Rom
// kernel as wide as the reduction, as in PIL's bicubic filter); else the picture must be of that size.
//
// A picture is turned upright by its EXIF orientation; what is transparent lies on white; 16 bits are cut to 8; CMYK is
// converted without a profile; of an animation the first frame is taken.
func Pixels(data []byte, dst []uint8, height, width, channels int, fit bool) (err error) {
	defer recoverTo(&err)
	size, err := SizeOf(data)
	if err != nil {
		return err
	}
	if !fit && (size.Height != height || size.Width != width) {
		return fmt.Errorf("is %d×%d, others are %d×%d", size.Height, size.Width, height, width)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return reason(data, err)
	}
	write(drawn(img, data, height, width), dst, channels)
	return nil
}

// Resize does the same with the pixels of an image that is none of a file.
func Resize(src []uint8, from Size, dst []uint8, height, width, channels int) {
	img := image.NewRGBA(image.Rect(0, 0, from.Width, from.Height))
	step := len(src) / (from.Width * from.Height)
	for i := range from.Width * from.Height {
		p := src[i*step : (i+1)*step]
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = p[0], p[step/2], p[step-1], 0xff
	}
	write(scaled(img, img.Bounds(), height, width), dst, channels)
}

// drawn is a decoded picture, upright, on white, height × width.
func drawn(img image.Image, data []byte, height, width int) *image.RGBA {
	o := orientation(data)
	canvas := img.Bounds()
	if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		// The first frame of an animation may cover a part of its canvas.
		canvas = image.Rect(0, 0, c.Width, c.Height)
		if !img.Bounds().Eq(canvas) {
			whole := white(c.Height, c.Width)
			draw.Draw(whole, img.Bounds(), img, img.Bounds().Min, draw.Over)
			img = whole
		}
	}
	if o.turns() {
		height, width = width, height
	}
	return o.upright(scaled(img, canvas, height, width))
}

// scaled is the middle of a picture at a size, on white.
func scaled(img image.Image, bounds image.Rectangle, height, width int) *image.RGBA {
	out := white(height, width)
	if bounds.Dx() == width && bounds.Dy() == height {
		draw.Draw(out, out.Bounds(), img, bounds.Min, draw.Over)
		return out
	}
	w, h := bounds.Dx(), bounds.Dy()
	if w*height > h*width {
		w = max(1, h*width/height)
	} else {
		h = max(1, w*height/width)
	}
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-w)/2, (bounds.Dy()-h)/2))
	draw.CatmullRom.Scale(out, out.Bounds(), img, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(w, h))}, draw.Over, nil)
	return out
}

func white(height, width int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	return img
}

// write puts the pixels of an opaque picture into dst; grey is ITU-R 601's luma.
func write(img *image.RGBA, dst []uint8, channels int) {
	for i := range len(img.Pix) / 4 {
		p := img.Pix[4*i : 4*i+4]
		if channels == 1 {
			dst[i] = color.GrayModel.Convert(color.RGBA{R: p[0], G: p[1], B: p[2], A: 0xff}).(color.Gray).Y
			continue
		}
		copy(dst[3*i:], p[:3])
	}
}

// reason says why a picture cannot be read, where the decoder does not.
func reason(data []byte, err error) error {
	switch {
	case len(data) == 0:
		return errors.New("the file is empty")
	case isAnimatedWebP(data):
		return errors.New("animated WebP is not read; export a frame of it")
	case errors.Is(err, image.ErrFormat):
		return fmt.Errorf("is not a PNG, JPEG, WebP, BMP or GIF picture: it begins with % x", data[:min(8, len(data))])
	}
	return err
}

// isAnimatedWebP looks for the animation flag of an extended WebP header.
func isAnimatedWebP(data []byte) bool {
	return len(data) > 20 && string(data[:4]) == "RIFF" && string(data[8:16]) == "WEBPVP8X" && data[20]&2 != 0
}

// recoverTo makes an error of a decoder's panic.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the decoder fails on it: %v", p)
	}
}
