package dataset

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/random"
)

// digits is the embedded dataset: the ten digits of the Go fonts, drawn under
// random changes of shape. It needs no files, and image i of a split is the
// same on every machine.
//
// Every image is a function of (split, index) alone. A digit's outline is
// placed by a random affine map, drawn at four times the final resolution,
// made thicker or thinner, bent by a smooth random displacement, and averaged
// down to 28×28.
type digits struct{}

const (
	digitsSeed = 20250301 // of every image; a change makes another dataset
	digitSize  = 28
	oversample = 4
	canvas     = digitSize * oversample
)

func (digits) Name() string { return "digits" }

func (digits) Spec() Spec {
	return Spec{Height: digitSize, Width: digitSize, Channels: 1, Classes: 10, Train: 60_000, Test: 10_000}
}

func (digits) Locate(string) Location { return Location{Present: true} }

func (s digits) Open(ctx context.Context, _, split string, limit int) (*Dataset, error) {
	d := &Dataset{N: s.Spec().Images(split)}
	if limit > 0 {
		d.N = limit
	}
	d.Images, d.Labels = make([]uint8, d.N*digitSize*digitSize), make([]uint8, d.N)
	faces, err := digitFaces()
	if err != nil {
		return nil, err
	}
	// Workers take stripes of the index: an image does not depend on the others.
	workers := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			p := newPen()
			for i := w; i < d.N; i += workers {
				if i%64 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				rng := random.New(digitsSeed, "digits/"+split, uint64(i))
				label := i % 10
				d.Labels[i] = uint8(label)
				if err := p.draw(faces, label, rng, d.Images[i*digitSize*digitSize:(i+1)*digitSize*digitSize]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return d, group.Wait()
}

// pen draws digits; it holds the buffers of a worker.
type pen struct {
	ink, thick, blurred  []float64 // canvas × canvas, 0 … 1
	bendX, bendY, rowTmp []float64
}

func newPen() *pen {
	field := func() []float64 { return make([]float64, canvas*canvas) }
	return &pen{ink: field(), thick: field(), blurred: field(), bendX: field(), bendY: field(), rowTmp: field()}
}

// draw writes a digit to dst [28, 28], white on black.
func (p *pen) draw(faces []face, digit int, rng *rand.Rand, dst []uint8) error {
	f := faces[rng.IntN(len(faces))]
	if err := p.fill(f, digit, randomPlacement(rng)); err != nil {
		return err
	}
	p.changeStroke(uniformIn(rng, -2.2, 2.6))
	p.bend(rng)
	p.shrink(dst)
	return nil
}

// placement maps an outline, in units of its own height around its own centre,
// to the canvas.
type placement struct {
	a, b, c, d float64 // x' = a·x + b·y + dx, y' = c·x + d·y + dy
	dx, dy     float64
}

func randomPlacement(rng *rand.Rand) placement {
	height := oversample * uniformIn(rng, 17, 21.5)
	aspect := uniformIn(rng, 0.85, 1.2)
	angle := uniformIn(rng, -15, 15) * math.Pi / 180
	shear := uniformIn(rng, -0.25, 0.25)
	sin, cos := math.Sin(angle), math.Cos(angle)
	// Stretch and shear first, then turn.
	sx, sy, k := float64(height*aspect), height, float64(height*shear)
	return placement{
		a: float64(cos * sx), b: float64(cos*k) - float64(sin*sy),
		c: float64(sin * sx), d: float64(sin*k) + float64(cos*sy),
		dx: canvas/2 + oversample*uniformIn(rng, -1.5, 1.5),
		dy: canvas/2 + oversample*uniformIn(rng, -1.5, 1.5),
	}
}

func (m placement) apply(x, y float64) (float64, float64) {
	return float64(m.a*x) + float64(m.b*y) + m.dx, float64(m.c*x) + float64(m.d*y) + m.dy
}

// changeStroke makes strokes thicker (or, negative, thinner) by about so many
// canvas pixels on each side: the blurred drawing is cut at another height.
func (p *pen) changeStroke(by float64) {
	const radius = 3
	boxBlur(p.blurred, p.ink, p.rowTmp, radius)
	boxBlur(p.thick, p.blurred, p.rowTmp, radius)
	// The edge of two box blurs rises over about 4·radius pixels around 1/2.
	cut := 0.5 - by/(4*radius)
	for i, v := range p.thick {
		p.ink[i] = min(max((v-cut)*4+0.5, 0), 1)
	}
}

// bend moves every point by a smooth random displacement (elastic distortion,
// Simard et al. 2003, section 2).
func (p *pen) bend(rng *rand.Rand) {
	strength := oversample * uniformIn(rng, 0.3, 1.6)
	smoothNoise(rng, p.bendX, strength)
	smoothNoise(rng, p.bendY, strength)
	for y := range canvas {
		for x := range canvas {
			i := y*canvas + x
			p.blurred[i] = sample(p.ink, float64(x)+p.bendX[i], float64(y)+p.bendY[i])
		}
	}
	p.ink, p.blurred = p.blurred, p.ink
}

// shrink averages oversample² canvas pixels to one.
func (p *pen) shrink(dst []uint8) {
	for y := range digitSize {
		for x := range digitSize {
			var sum float64
			for v := range oversample {
				for u := range oversample {
					sum += p.ink[(y*oversample+v)*canvas+x*oversample+u]
				}
			}
			dst[y*digitSize+x] = uint8(math.Floor(sum/(oversample*oversample)*255 + 0.5))
		}
	}
}

// smoothNoise fills a field with values of about ±strength that change over a
// quarter of the canvas: a coarse random lattice, interpolated smoothly.
func smoothNoise(rng *rand.Rand, field []float64, strength float64) {
	const cells, n = 4, 4 + 1
	var lattice [n * n]float64
	for i := range lattice {
		lattice[i] = strength * uniformIn(rng, -1, 1)
	}
	for y := range canvas {
		gy := float64(y) * cells / canvas
		y0 := int(gy)
		ty := smoothstep(gy - float64(y0))
		for x := range canvas {
			gx := float64(x) * cells / canvas
			x0 := int(gx)
			tx := smoothstep(gx - float64(x0))
			top := lerp(lattice[y0*n+x0], lattice[y0*n+x0+1], tx)
			bottom := lerp(lattice[(y0+1)*n+x0], lattice[(y0+1)*n+x0+1], tx)
			field[y*canvas+x] = lerp(top, bottom, ty)
		}
	}
}

// sample reads a field between its points; outside is 0.
func sample(field []float64, x, y float64) float64 {
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	if x0 < 0 || y0 < 0 || x0 >= canvas-1 || y0 >= canvas-1 {
		return 0
	}
	tx, ty := x-float64(x0), y-float64(y0)
	i := y0*canvas + x0
	return lerp(lerp(field[i], field[i+1], tx), lerp(field[i+canvas], field[i+canvas+1], tx), ty)
}

// boxBlur averages over (2·radius+1)² points, by running sums along rows and
// then columns.
func boxBlur(dst, src, tmp []float64, radius int) {
	blurLines(tmp, src, radius, canvas, 1)
	blurLines(dst, tmp, radius, 1, canvas)
}

func blurLines(dst, src []float64, radius, line, step int) {
	width := float64(2*radius + 1)
	for l := range canvas {
		var sum float64
		for k := range radius {
			sum += src[l*line+k*step]
		}
		for k := range canvas {
			if k+radius < canvas {
				sum += src[l*line+(k+radius)*step]
			}
			if k-radius-1 >= 0 {
				sum -= src[l*line+(k-radius-1)*step]
			}
			dst[l*line+k*step] = sum / width
		}
	}
}

func uniformIn(rng *rand.Rand, low, high float64) float64 {
	return low + float64((high-low)*rng.Float64())
}

// The conversions keep compilers from fusing multiplication and addition, which
// would make images differ between machines in a bit here and there.
func lerp(a, b, t float64) float64 { return a + float64((b-a)*t) }

func smoothstep(t float64) float64 { return float64(t*t) * (3 - float64(2*t)) }

var digitFaces = sync.OnceValues(loadFaces)
