// Package plane draws points in the plane as PNG files: samples beside the data, the paths that they took, and the
// velocity field that led them.
package plane

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
)

// Picture is what a model of points has drawn. All points are [n, 2], flat.
type Picture struct {
	Data    []float32 // points to be like
	Source  []float32 // what samples began with, if that is data too; nil: noise
	Samples []float32
	// Classes are those that samples were asked to be of, 0, 1, …; nil: of none.
	Classes []int
	// Paths are those of some samples from beginning to end, the first of Samples first; none for a sampler whose steps
	// have no place in time.
	Paths [][]float32
	// Moments are the samples on their way, and the field there.
	Moments []Moment
}

// Moment is a time on the way.
type Moment struct {
	T            float64 // 0 is the beginning, 1 the end
	Samples      []float32
	At, Velocity []float32 // arrows
	Of           string    // whose field it is, where it is not that of all
}

// Size of a cell of a picture, which has a title above its panel, and how many stand side by side.
const (
	Cell    = 320
	Title   = 24
	Columns = 4
)

// Encode draws the picture as cells of Cell × (Title + Cell) pixels: data, samples, paths and moments. Equal pictures give
// equal bytes.
func Encode(p Picture) ([]byte, error) {
	for _, points := range append([][]float32{p.Data, p.Source, p.Samples}, p.Paths...) {
		if len(points)%2 != 0 {
			return nil, fmt.Errorf("%d values are no whole number of points in the plane", len(points))
		}
	}
	if len(p.Samples) == 0 || len(p.Data) == 0 {
		return nil, fmt.Errorf("there are no points to draw")
	}
	if p.Classes != nil && len(p.Classes) != len(p.Samples)/2 {
		return nil, fmt.Errorf("there are %d samples and classes of %d", len(p.Samples)/2, len(p.Classes))
	}
	return encode(p.cells(), around(p.Data, p.Source))
}

// EncodeData draws points of a dataset alone, coloured by class if it has some.
func EncodeData(points []float32, classes []int) ([]byte, error) {
	if len(points) == 0 || len(points)%2 != 0 || classes != nil && len(classes) != len(points)/2 {
		return nil, fmt.Errorf("%d values are no points in the plane of %d classes", len(points), len(classes))
	}
	return encode([]cell{{"", func(c *canvas, v view) { v.dots(c, points, classes, 0.8) }}}, around(points, nil))
}

// cell is a part of a picture.
type cell struct {
	title string
	draw  func(c *canvas, v view)
}

func (p Picture) cells() []cell {
	data := func(c *canvas, v view) {
		v.dots(c, p.Source, only(p.Source, sourceColour), 0.5)
		v.dots(c, p.Data, only(p.Data, dataColour), 0.7)
	}
	title := "data"
	if p.Source != nil {
		title = "source and data"
	}
	cells := []cell{
		{title, data},
		{"samples over data", func(c *canvas, v view) {
			v.dots(c, p.Data, only(p.Data, faintColour), 1)
			v.dots(c, p.Samples, p.Classes, 0.75)
		}},
	}
	if len(p.Paths) > 0 {
		cells = append(cells, cell{fmt.Sprintf("paths of %d samples", len(p.Paths)), func(c *canvas, v view) {
			for i, path := range p.Paths {
				v.path(c, path, p.classOf(i))
			}
		}})
	}
	for _, m := range p.Moments {
		cells = append(cells, cell{m.title(), func(c *canvas, v view) {
			v.dots(c, m.Samples, p.Classes, 0.35)
			v.arrows(c, m.At, m.Velocity)
		}})
	}
	return cells
}

func (m Moment) title() string {
	title := fmt.Sprintf("t = %.2f", m.T)
	if m.Of != "" {
		title += ", velocity of " + m.Of
	}
	return title
}

func (p Picture) classOf(i int) int {
	if p.Classes == nil {
		return 0
	}
	return p.Classes[i]
}

// view says where a point is in a panel.
type view struct {
	x, y, scale float64 // centre, and pixels by unit
	left, top   int
}

// around is a view of the data, whose samples may lie a little outside.
func around(data, source []float32) view {
	lowX, lowY, highX, highY := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, points := range [][]float32{data, source} {
		for i := 0; i+1 < len(points); i += 2 {
			x, y := float64(points[i]), float64(points[i+1])
			lowX, lowY, highX, highY = min(lowX, x), min(lowY, y), max(highX, x), max(highY, y)
		}
	}
	width := max(highX-lowX, highY-lowY, 1e-6) * 1.1
	return view{x: (lowX + highX) / 2, y: (lowY + highY) / 2, scale: (Cell - 2*margin) / width}
}

const margin = 4

// at is the place of a point in the picture.
func (v view) at(x, y float32) (float64, float64) {
	return float64(v.left) + Cell/2 + (float64(x)-v.x)*v.scale, float64(v.top) + Cell/2 - (float64(y)-v.y)*v.scale
}

// dots draws points coloured by class; no classes are one.
func (v view) dots(c *canvas, points []float32, classes []int, alpha float64) {
	for i := 0; i+1 < len(points); i += 2 {
		class := 0
		if classes != nil {
			class = classes[i/2]
		}
		x, y := v.at(points[i], points[i+1])
		c.disc(x, y, 1.4, colourOf(class), alpha)
	}
}

// path draws a way with its end.
func (v view) path(c *canvas, points []float32, class int) {
	for i := 0; i+3 < len(points); i += 2 {
		x0, y0 := v.at(points[i], points[i+1])
		x1, y1 := v.at(points[i+2], points[i+3])
		c.line(x0, y0, x1, y1, 0.8, colourOf(lineColour), 0.55)
	}
	if n := len(points); n >= 2 {
		x, y := v.at(points[0], points[1])
		c.disc(x, y, 1.2, colourOf(dataColour), 0.8)
		x, y = v.at(points[n-2], points[n-1])
		c.disc(x, y, 1.8, colourOf(class), 0.9)
	}
}

// arrows draws a field; the longest arrow is a little shorter than the distance of two.
func (v view) arrows(c *canvas, at, velocity []float32) {
	longest := 0.0
	for i := 0; i+1 < len(velocity); i += 2 {
		longest = max(longest, math.Hypot(float64(velocity[i]), float64(velocity[i+1])))
	}
	if longest == 0 || math.IsNaN(longest) || math.IsInf(longest, 0) {
		return
	}
	side := math.Sqrt(float64(len(at) / 2))
	length := 1.1 * Cell / side / longest
	for i := 0; i+1 < len(at); i += 2 {
		x, y := v.at(at[i], at[i+1])
		dx, dy := float64(velocity[i])*length, -float64(velocity[i+1])*length
		c.line(x, y, x+dx, y+dy, 0.9, colourOf(arrowColour), 0.9)
		c.disc(x+dx, y+dy, 1.3, colourOf(arrowColour), 0.9)
	}
}

// Field returns the places of side × side arrows that fill a picture of the data, [side·side, 2].
func Field(data, source []float32, side int) []float32 {
	v := around(data, source)
	at := make([]float32, 0, 2*side*side)
	for row := range side {
		for column := range side {
			place := func(i int) float64 { return ((float64(i)+0.5)/float64(side) - 0.5) * Cell / v.scale }
			at = append(at, float32(v.x+place(column)), float32(v.y-place(row)))
		}
	}
	return at
}

func encode(cells []cell, v view) ([]byte, error) {
	columns := min(len(cells), Columns)
	rows := (len(cells) + columns - 1) / columns
	c := newCanvas(columns*Cell, rows*(Title+Cell))
	for i, cell := range cells {
		v.left, v.top = i%columns*Cell, i/columns*(Title+Cell)+Title
		c.clip(v.left+1, v.top, v.left+Cell-1, v.top+Cell-1)
		c.frame()
		cell.draw(c, v)
		if err := c.text(cell.title, v.left+margin, v.top-7); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err := encoder.Encode(&buf, c.image())
	return buf.Bytes(), err
}

// only are classes that give all points one colour.
func only(points []float32, colour int) []int {
	classes := make([]int, len(points)/2)
	for i := range classes {
		classes[i] = colour
	}
	return classes
}
