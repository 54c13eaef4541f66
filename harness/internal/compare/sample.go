package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/store"
)

// Sampling is one sampler × steps × guidance, drawn by at least one run.
type Sampling struct {
	Setting
	Cells []Cell `json:"cells"` // one a run
}

// Cell is what a run drew of a sampling; nothing if Images is 0.
type Cell struct {
	Images      int    `json:"images"`
	NFE         int    `json:"nfe"`
	Seconds     Value  `json:"seconds_per_image"`
	Step        int    `json:"step"`
	Seed        uint64 `json:"seed"`
	ImageSHA256 string `json:"image_sha256,omitempty"`
	// Points: it is no grid of images but a picture of points in the plane.
	Points bool `json:"-"`
}

// SameNoise tells whether, image by image, two cells started from the same noise. Points have no such counterparts in a
// picture.
func (c Cell) SameNoise(other Cell) bool {
	return !c.Points && c.Images > 0 && c.Images == other.Images && c.Seed == other.Seed
}

func (r *Result) collectSamples() {
	for i, record := range r.records {
		for _, s := range record.samples { // of equal ones the last, which is of the latest step
			cell := r.cell(settingOf(s.Drawing), i)
			*cell = Cell{Images: s.Images, NFE: s.NFE, Seconds: perImage(s.Drawing), Step: s.Step, Seed: s.Seed, ImageSHA256: s.ImageSHA256,
				Points: record.points()}
		}
	}
}

func (r *Result) cell(s Setting, run int) *Cell {
	for i := range r.Samples {
		if r.Samples[i].Setting == s {
			return &r.Samples[i].Cells[run]
		}
	}
	r.Samples = append(r.Samples, Sampling{s, make([]Cell, len(r.Runs))})
	return &r.Samples[len(r.Samples)-1].Cells[run]
}

// Picture is what runs drew, side by side.
type Picture struct {
	Title string
	Runs  []string // slugs, left to right
	// SameNoise: image by image the runs started from the same noise, and the
	// lower half shows how much each differs from the first.
	SameNoise bool
	// Points: they are pictures of points in the plane, which have no noise to tell apart.
	Points bool
	PNG    []byte
}

// MissingGridError reports a run that has no grid.
type MissingGridError struct{ Slug string }

func (e *MissingGridError) Error() string {
	return fmt.Sprintf("run %s has no grid to compare", e.Slug)
}

// Fault is [fault.NotFound].
func (e *MissingGridError) Fault() fault.Kind { return fault.NotFound }

// Remedy is to draw one.
func (e *MissingGridError) Remedy() fault.Remedy { return fault.Do(fault.DrawGrid, e.Slug) }

// Album is what there is to see of the runs.
type Album struct {
	Pictures []Picture
	Missing  *MissingGridError // why there are none
}

// Album puts the grids of runs side by side, see [Result.Pictures]; that there are
// none is no error.
func (r *Result) Album(ctx context.Context, st *store.Store) (Album, error) {
	pictures, err := r.Pictures(ctx, st)
	var none *MissingGridError
	if errors.As(err, &none) {
		return Album{Missing: none}, nil
	}
	return Album{Pictures: pictures}, err
}

// mostPictured is how many runs are put side by side.
const mostPictured = 6

// Pictures puts the grids of runs side by side: one picture for each sampling
// that all of them drew, else one of each run's last grid.
func (r *Result) Pictures(ctx context.Context, st *store.Store) ([]Picture, error) {
	runs := r.pictured()
	var pictures []Picture
	for _, s := range r.Samples {
		if slices.ContainsFunc(runs, func(i int) bool { return s.Cells[i].Images == 0 }) {
			continue
		}
		cells := make([]Cell, len(runs))
		for k, i := range runs {
			cells[k] = s.Cells[i]
		}
		p, err := r.picture(ctx, st, s.String(), runs, cells)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p)
	}
	if len(pictures) > 0 {
		return pictures, nil
	}
	cells := make([]Cell, len(runs))
	for k, i := range runs {
		for _, s := range r.Samples {
			if s.Cells[i].Images > 0 {
				cells[k] = s.Cells[i]
			}
		}
		if cells[k].Images == 0 {
			return nil, &MissingGridError{r.Runs[i].Slug}
		}
	}
	p, err := r.picture(ctx, st, "the last grid of each run; they share no sampler, steps and guidance", runs, cells)
	return []Picture{p}, err
}

// pictured are the first runs of all groups, or the runs of the only one.
func (r *Result) pictured() []int {
	var runs []int
	for _, g := range r.Groups {
		if len(r.Groups) == 1 {
			runs = append(runs, g.Runs...)
		} else {
			runs = append(runs, g.Runs[0])
		}
	}
	runs = slices.DeleteFunc(runs, func(i int) bool { return !r.hasSamples(i) })
	return runs[:min(mostPictured, len(runs))]
}

// hasSamples is true for runs of the store; those of a baseline file have no
// grids and are left out.
func (r *Result) hasSamples(run int) bool { return !r.records[run].fromFile }

func (r *Result) picture(ctx context.Context, st *store.Store, title string, runs []int, cells []Cell) (Picture, error) {
	p := Picture{Title: title, SameNoise: true}
	var images [][]byte
	for k, c := range cells {
		png, err := st.Image(ctx, c.ImageSHA256)
		if err != nil {
			return p, err
		}
		images = append(images, png)
		p.Runs = append(p.Runs, r.Runs[runs[k]].Slug)
		p.Points = p.Points || c.Points
		p.SameNoise = p.SameNoise && c.SameNoise(cells[0])
	}
	var err error
	if p.SameNoise {
		if p.PNG, err = grid.WithDifferences(images...); err == nil {
			return p, nil
		}
		p.SameNoise = false // grids of different shapes
	}
	p.PNG, err = grid.SideBySide(images...)
	return p, err
}
