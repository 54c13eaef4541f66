package train

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/plane"
)

const (
	shownPaths = 200 // samples whose paths are drawn
	fieldSide  = 18  // arrows of a velocity field, in each direction
)

// moments are the times at which samples and field are drawn.
var moments = []float64{0, 0.25, 0.5, 0.75, 1}

// drawPoints draws points in the plane as a picture: beside the data, with their paths and the field where there are such.
func (g *Generator) drawPoints(ctx context.Context, weights *tensors.Tensor, cfg config.Config, r Request) (Generated, []byte, error) {
	target, source, err := g.dataPoints(ctx, cfg)
	if err != nil {
		return Generated{}, nil, err
	}
	var way pointsWay
	r.Observe = way.observe
	out, err := g.Generate(ctx, weights, r)
	if err != nil {
		return out, nil, err
	}
	p := plane.Picture{Data: target, Source: source, Samples: out.Images, Paths: way.paths, Moments: way.moments}
	if r.Guidance.Scale != 0 && g.spec.Classes > 0 && cfg.Model.TakesClasses() && cfg.Train.LabelDrop < 1 {
		for _, l := range r.Labels {
			p.Classes = append(p.Classes, int(l)-1)
		}
	}
	if err := g.addFields(weights, cfg, r, p); err != nil {
		return out, nil, fmt.Errorf("the velocity field: %w", err)
	}
	png, err := plane.Encode(p)
	return out, png, err
}

// dataPoints are points of the test split, and of the source if it is not noise, as many as are drawn.
func (g *Generator) dataPoints(ctx context.Context, cfg config.Config) (target, source []float32, err error) {
	open := func(name string) ([]float32, error) {
		n := min(cfg.Sampling.Points, g.spec.Test)
		d, err := dataset.Open(ctx, dataset.Options{Name: name, Split: "test", Limit: n})
		if err != nil {
			return nil, err
		}
		return d.Values, nil
	}
	if target, err = open(cfg.Data.Name); err == nil && cfg.Data.Source != "" {
		source, err = open(cfg.Data.Source)
	}
	return target, source, err
}

// addFields asks the model for its velocities at the moments of a picture: those of no class if it knows them, else those
// of the first.
func (g *Generator) addFields(weights *tensors.Tensor, cfg config.Config, r Request, p plane.Picture) error {
	if len(p.Moments) == 0 {
		return nil
	}
	n := len(r.Labels)
	at := plane.Field(p.Data, p.Source, min(fieldSide, int(math.Sqrt(float64(n)))))
	x := make([]float32, 2*n) // as many as are drawn: so it is the same program
	copy(x, at)
	labels, of := make([]int32, n), ""
	if p.Classes != nil && cfg.Train.LabelDrop == 0 {
		of = "class 0"
		for i := range labels {
			labels[i] = 1
		}
	}
	exec, err := g.compiled(r.Guidance.ModeAt(r.Steps-1, r.Steps), r.Guidance)
	if err != nil {
		return err
	}
	steps := float64(cfg.Process.NumTrainTimesteps)
	for i := range p.Moments {
		timestep := min(p.Moments[i].T*steps, steps-1) // the last that it was trained on
		out, err := exec.Call1(weights, tensors.FromFlatDataAndDimensions(x, n, 1, 1, 2), float32(timestep), labels, float32(1))
		if err != nil {
			return err
		}
		velocity, err := tensors.CopyFlatData[float32](out)
		if err != nil {
			return err
		}
		out.MustFinalizeAll()
		p.Moments[i].At, p.Moments[i].Velocity, p.Moments[i].Of = at, velocity[:len(at)], of
	}
	return nil
}

// pointsWay follows points from beginning to end. Between two steps they are taken to move straight.
type pointsWay struct {
	paths   [][]float32
	moments []plane.Moment
	t       float64
	before  []float32
}

func (w *pointsWay) observe(t float64, samples []float32) {
	for i := range min(shownPaths, len(samples)/2) {
		if i == len(w.paths) {
			w.paths = append(w.paths, nil)
		}
		w.paths[i] = append(w.paths[i], samples[2*i], samples[2*i+1])
	}
	for len(w.moments) < len(moments) && (moments[len(w.moments)] <= t || t == 1) {
		m := plane.Moment{T: moments[len(w.moments)], Samples: samples}
		if w.before != nil && t > w.t {
			m.Samples = between(w.before, samples, (m.T-w.t)/(t-w.t))
		}
		w.moments = append(w.moments, m)
	}
	w.before, w.t = samples, t
}

// between is the part of the way from x to y.
func between(x, y []float32, part float64) []float32 {
	z := make([]float32, len(x))
	for i := range z {
		z[i] = x[i] + float32(part)*(y[i]-x[i])
	}
	return z
}
