package plane

import (
	"image"
	"image/color"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Colours that are no class's.
const (
	dataColour = -1 - iota
	sourceColour
	arrowColour
	lineColour
	faintColour
)

// colourOf is the colour of a class, or one of the above.
func colourOf(class int) [3]float64 {
	switch class {
	case dataColour:
		return [3]float64{60, 60, 70}
	case sourceColour:
		return [3]float64{214, 120, 30}
	case arrowColour:
		return [3]float64{40, 40, 48}
	case lineColour:
		return [3]float64{150, 150, 165}
	case faintColour:
		return [3]float64{214, 214, 220}
	}
	return classColours[class%len(classColours)]
}

// classColours can be told apart by people who see few colours.
var classColours = [][3]float64{
	{31, 119, 180}, {230, 126, 14}, {44, 150, 60}, {200, 40, 50}, {130, 90, 180},
	{120, 80, 70}, {210, 90, 170}, {20, 160, 170}, {150, 150, 20}, {90, 90, 100},
}

// canvas is a picture in the making, white at first.
type canvas struct {
	width, height            int
	pixels                   []float64 // [height, width, 3], 0 … 255
	left, top, right, bottom int       // what is drawn in
}

func newCanvas(width, height int) *canvas {
	c := &canvas{width: width, height: height, pixels: make([]float64, 3*width*height)}
	for i := range c.pixels {
		c.pixels[i] = 255
	}
	c.clip(0, 0, width, height)
	return c
}

func (c *canvas) clip(left, top, right, bottom int) {
	c.left, c.top, c.right, c.bottom = left, top, right, bottom
}

// blend covers a part of a pixel.
func (c *canvas) blend(x, y int, colour [3]float64, alpha float64) {
	if alpha <= 0 || x < c.left || x >= c.right || y < c.top || y >= c.bottom {
		return
	}
	p := c.pixels[3*(y*c.width+x):]
	for k := range 3 {
		p[k] += alpha * (colour[k] - p[k])
	}
}

// within draws the pixels around a box that are nearer to something than a radius, with a soft edge.
func (c *canvas) within(x0, y0, x1, y1, radius float64, colour [3]float64, alpha float64, distance func(x, y float64) float64) {
	if !(math.Abs(x0)+math.Abs(y0)+math.Abs(x1)+math.Abs(y1) < 1e6) { // not a number, or far away
		return
	}
	reach := radius + 1
	for y := max(int(min(y0, y1)-reach), c.top); y <= min(int(max(y0, y1)+reach), c.bottom-1); y++ {
		for x := max(int(min(x0, x1)-reach), c.left); x <= min(int(max(x0, x1)+reach), c.right-1); x++ {
			cover := min(max(radius+0.5-distance(float64(x)+0.5, float64(y)+0.5), 0), 1)
			c.blend(x, y, colour, alpha*cover)
		}
	}
}

// disc is a dot.
func (c *canvas) disc(x, y, radius float64, colour [3]float64, alpha float64) {
	c.within(x, y, x, y, radius, colour, alpha, func(px, py float64) float64 { return math.Hypot(px-x, py-y) })
}

// line is a stroke.
func (c *canvas) line(x0, y0, x1, y1, width float64, colour [3]float64, alpha float64) {
	dx, dy := x1-x0, y1-y0
	squared := dx*dx + dy*dy
	c.within(x0, y0, x1, y1, width/2, colour, alpha, func(px, py float64) float64 {
		t := 0.0
		if squared > 0 {
			t = min(max(((px-x0)*dx+(py-y0)*dy)/squared, 0), 1)
		}
		return math.Hypot(px-x0-t*dx, py-y0-t*dy)
	})
}

// frame draws the edge of what is drawn in.
func (c *canvas) frame() {
	for x := c.left; x < c.right; x++ {
		c.blend(x, c.top, colourOf(faintColour), 1)
		c.blend(x, c.bottom-1, colourOf(faintColour), 1)
	}
	for y := c.top; y < c.bottom; y++ {
		c.blend(c.left, y, colourOf(faintColour), 1)
		c.blend(c.right-1, y, colourOf(faintColour), 1)
	}
}

var face = sync.OnceValues(func() (font.Face, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(parsed, &opentype.FaceOptions{Size: 14, DPI: 72, Hinting: font.HintingFull})
})

// drawingText keeps one text at a time: a face has a buffer.
var drawingText sync.Mutex

// text writes a line whose baseline begins at a place, wherever it is.
func (c *canvas) text(text string, x, y int) error {
	f, err := face()
	if err != nil {
		return err
	}
	drawingText.Lock()
	defer drawingText.Unlock()
	mask := image.NewAlpha(image.Rect(0, 0, c.width, c.height))
	d := font.Drawer{Dst: mask, Src: image.NewUniform(color.Alpha{A: 255}), Face: f, Dot: fixed.P(x, y)}
	bounds, _ := d.BoundString(text)
	d.DrawString(text)
	c.clip(0, 0, c.width, c.height)
	for row := max(bounds.Min.Y.Floor(), 0); row < min(bounds.Max.Y.Ceil(), c.height); row++ {
		for column := max(bounds.Min.X.Floor(), 0); column < min(bounds.Max.X.Ceil(), c.width); column++ {
			c.blend(column, row, colourOf(arrowColour), float64(mask.AlphaAt(column, row).A)/255)
		}
	}
	return nil
}

// image has the nearest of 16 levels of each colour: so it packs well.
func (c *canvas) image() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, c.width, c.height))
	for i := range c.width * c.height {
		for k := range 3 {
			img.Pix[4*i+k] = uint8(math.Round(c.pixels[3*i+k]/255*15) / 15 * 255)
		}
		img.Pix[4*i+3] = 255
	}
	return img
}
