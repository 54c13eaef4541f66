package compare

import (
	"cmp"
	"slices"
)

// Grids are the grids of one setting along the training of all runs, so that
// they can be looked at side by side, step by step.
type Grids struct {
	Setting
	Frames []Frame `json:"frames"` // by step
}

// Frame is what the runs had drawn by a step.
type Frame struct {
	Step int `json:"step"`
	// Cells hold, one a run, its latest grid up to the step; Images is 0 where it
	// had drawn none.
	Cells []Cell `json:"cells"`
}

// Title names the setting; one without a sampler is of each run's own.
func (g Grids) Title() string {
	s := g.Setting
	if s.Sampler == "" {
		s.Sampler = "each run's own sampler"
	}
	return s.String()
}

// Grids lists the settings that runs have drawn grids of: those of most runs
// first, of these those of most steps. A run that drew one step twice shows the
// later grid.
//
// Runs of different processes share no sampler. So a number of steps and a
// guidance that runs drew with several samplers has a part of its own, without a
// sampler: of each run that of the first of its samplers.
func (r *Result) Grids() []Grids {
	var list []Grids
	at := map[Setting]int{}
	drawn := map[Setting]map[string]bool{} // samplers, by setting without one
	for _, record := range r.records {
		for _, s := range record.samples {
			k := settingOf(s.Drawing)
			mixed := Setting{"", s.Steps, s.Guidance}
			if _, ok := at[k]; !ok {
				at[k] = len(list)
				list = append(list, Grids{Setting: k})
			}
			if drawn[mixed] == nil {
				drawn[mixed] = map[string]bool{}
			}
			if drawn[mixed][s.Sampler] = true; len(drawn[mixed]) == 2 && at[mixed] == 0 {
				at[mixed] = len(list)
				list = append(list, Grids{Setting: mixed})
			}
		}
	}
	for i := range list {
		r.fill(&list[i])
	}
	slices.SortStableFunc(list, func(a, b Grids) int {
		return cmp.Or(b.drawnBy()-a.drawnBy(), b.Steps-a.Steps, cmp.Compare(a.Guidance, b.Guidance),
			cmp.Compare(len(b.Sampler), 0)-cmp.Compare(len(a.Sampler), 0), cmp.Compare(a.Sampler, b.Sampler))
	})
	return list
}

// fill puts the grids of each run into the frame of their step and those after it.
func (r *Result) fill(g *Grids) {
	cells := make([][]Cell, len(r.records)) // of each run, by step
	for i, record := range r.records {
		sampler := g.Sampler
		for _, s := range record.samples {
			if g.Sampler == "" && s.Steps == g.Steps && s.Guidance == g.Guidance && (sampler == "" || s.Sampler < sampler) {
				sampler = s.Sampler
			}
		}
		for _, s := range record.samples {
			if s.Sampler != sampler || s.Steps != g.Steps || s.Guidance != g.Guidance {
				continue
			}
			cells[i] = append(cells[i], Cell{Images: s.Images, NFE: s.NFE, Seconds: perImage(s.Drawing), Step: s.Step, Seed: s.Seed,
				ImageSHA256: s.ImageSHA256, Points: record.points()})
			if !slices.ContainsFunc(g.Frames, func(f Frame) bool { return f.Step == s.Step }) {
				g.Frames = append(g.Frames, Frame{Step: s.Step, Cells: make([]Cell, len(r.records))})
			}
		}
	}
	slices.SortFunc(g.Frames, func(a, b Frame) int { return a.Step - b.Step })
	for i := range cells {
		for _, c := range cells[i] {
			for f := range g.Frames {
				if g.Frames[f].Step >= c.Step {
					g.Frames[f].Cells[i] = c
				}
			}
		}
	}
}

// drawnBy is the number of runs that have drawn the setting.
func (g Grids) drawnBy() int {
	n := 0
	if len(g.Frames) > 0 {
		for _, c := range g.Frames[len(g.Frames)-1].Cells {
			if c.Images > 0 {
				n++
			}
		}
	}
	return n
}
