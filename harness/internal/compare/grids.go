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

// Grids lists the settings that runs have drawn grids of, those of most runs
// first. A run that drew one step twice shows the later grid.
func (r *Result) Grids() []Grids {
	var list []Grids
	at := map[Setting]int{}
	for _, record := range r.records {
		for _, s := range record.samples {
			k := Setting{s.Sampler, s.Steps, s.Guidance}
			if _, ok := at[k]; !ok {
				at[k] = len(list)
				list = append(list, Grids{Setting: k})
			}
			g := &list[at[k]]
			if !slices.ContainsFunc(g.Frames, func(f Frame) bool { return f.Step == s.Step }) {
				g.Frames = append(g.Frames, Frame{Step: s.Step, Cells: make([]Cell, len(r.records))})
			}
		}
	}
	for i := range list {
		slices.SortFunc(list[i].Frames, func(a, b Frame) int { return a.Step - b.Step })
		r.fill(&list[i])
	}
	slices.SortStableFunc(list, func(a, b Grids) int { return cmp.Or(b.drawnBy()-a.drawnBy(), compareSettings(a.Setting, b.Setting)) })
	return list
}

// fill puts the grids of each run into its frame and those after it.
func (r *Result) fill(g *Grids) {
	for i, record := range r.records {
		for _, s := range record.samples { // by step
			if (Setting{s.Sampler, s.Steps, s.Guidance}) != g.Setting {
				continue
			}
			cell := Cell{Images: s.Images, NFE: s.NFE, Seconds: perImage(s.Drawing), Step: s.Step, Seed: s.Seed, ImageSHA256: s.ImageSHA256}
			for f := range g.Frames {
				if g.Frames[f].Step >= s.Step {
					g.Frames[f].Cells[i] = cell
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
