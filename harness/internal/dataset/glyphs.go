package dataset

import (
	"fmt"
	"image"
	"image/draw"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// fontFiles are the faces that digits are drawn with.
var fontFiles = [][]byte{
	goregular.TTF, goitalic.TTF, gomedium.TTF, gomediumitalic.TTF, gobold.TTF, gobolditalic.TTF,
	gomono.TTF, gomonoitalic.TTF, gomonobold.TTF,
}

// face is the outlines of the ten digits of a font, scaled to height 1 around
// their own centre.
type face [10][]segment

// segment is a piece of an outline; quadratic curves have two points, lines and
// moves one.
type segment struct {
	op     sfnt.SegmentOp
	points [3][2]float64
}

// outlineSize is the resolution outlines are read at, in pixels an em. Large, so
// that the fixed-point coordinates lose nothing that could be seen.
const outlineSize = 1024

func loadFaces() ([]face, error) {
	var faces []face
	for i, ttf := range fontFiles {
		font, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("font %d: %w", i, err)
		}
		var f face
		var buf sfnt.Buffer
		for digit := range 10 {
			glyph, err := font.GlyphIndex(&buf, rune('0'+digit))
			if err != nil {
				return nil, fmt.Errorf("font %d: digit %d: %w", i, digit, err)
			}
			segments, err := font.LoadGlyph(&buf, glyph, fixed.I(outlineSize), nil)
			if err != nil {
				return nil, fmt.Errorf("font %d: digit %d: %w", i, digit, err)
			}
			f[digit] = normalise(segments)
		}
		faces = append(faces, f)
	}
	return faces, nil
}

// normalise scales an outline to height 1 and moves its centre to the origin.
func normalise(segments sfnt.Segments) []segment {
	bounds := segments.Bounds()
	centreX := float64(bounds.Min.X+bounds.Max.X) / 2
	centreY := float64(bounds.Min.Y+bounds.Max.Y) / 2
	height := float64(bounds.Max.Y - bounds.Min.Y)
	out := make([]segment, len(segments))
	for i, s := range segments {
		out[i].op = s.Op
		for k, p := range s.Args {
			out[i].points[k] = [2]float64{(float64(p.X) - centreX) / height, (float64(p.Y) - centreY) / height}
		}
	}
	return out
}

// fill draws a digit's outline on the canvas.
func (p *pen) fill(f face, digit int, m placement) error {
	r := vector.NewRasterizer(canvas, canvas)
	at := func(s segment, k int) (float32, float32) {
		x, y := m.apply(s.points[k][0], s.points[k][1])
		return float32(x), float32(y)
	}
	open := false
	for _, s := range f[digit] {
		x0, y0 := at(s, 0)
		x1, y1 := at(s, 1)
		x2, y2 := at(s, 2)
		switch s.op {
		case sfnt.SegmentOpMoveTo:
			if open {
				r.ClosePath()
			}
			open = true
			r.MoveTo(x0, y0)
		case sfnt.SegmentOpLineTo:
			r.LineTo(x0, y0)
		case sfnt.SegmentOpQuadTo:
			r.QuadTo(x0, y0, x1, y1)
		case sfnt.SegmentOpCubeTo:
			r.CubeTo(x0, y0, x1, y1, x2, y2)
		}
	}
	r.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, canvas, canvas))
	r.DrawOp = draw.Src
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	for i, a := range mask.Pix {
		p.ink[i] = float64(a) / 255
	}
	return nil
}
