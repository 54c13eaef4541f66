package comparepage

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/web/shell"
)

// compareGrids are the grids of one setting, frame by frame.
type compareGrids struct {
	Choices []gridChoice
	Frames  []gridFrame
	// Left is how many runs are left out, for EveryURL to show.
	Left int
}

type gridChoice struct {
	Key, Label string
	Chosen     bool
}

// gridFrame is a step of training; its cells are of the same runs in all frames.
type gridFrame struct {
	Step  int
	Cells []gridCell
}

type gridCell struct {
	Slug, Group string
	Series      int
	Step        int
	Picture     string // address; "": none was drawn by then
	Difference  string // address of how it differs from the first; "": it cannot be told
}

// Bounds of a page: pictures side by side, and steps.
const (
	mostGridRuns   = 24
	mostGridFrames = 60
)

func newCompareGrids(result *compare.Result, q compareQuery) *compareGrids {
	list := result.Grids()
	if len(list) == 0 {
		return nil
	}
	chosen := 0
	for i, g := range list {
		if settingKey(g.Setting) == q.Grid {
			chosen = i
		}
	}
	view := &compareGrids{}
	for i, g := range list {
		view.Choices = append(view.Choices, gridChoice{settingKey(g.Setting), g.Title(), i == chosen})
	}
	type shownRun struct{ run, group int }
	var runs []shownRun
	for g, group := range result.Groups {
		for k, run := range group.Runs {
			if (k == 0 || q.Every || len(result.Runs) <= 4) && len(runs) < mostGridRuns {
				runs = append(runs, shownRun{run, g})
			}
		}
	}
	view.Left = len(result.Runs) - len(runs)
	frames := list[chosen].Frames
	for i := range min(len(frames), mostGridFrames) {
		if len(frames) > mostGridFrames {
			i = i * (len(frames) - 1) / (mostGridFrames - 1)
		}
		f := frames[i]
		frame := gridFrame{Step: f.Step}
		first := f.Cells[runs[0].run]
		for k, r := range runs {
			c := f.Cells[r.run]
			cell := gridCell{Slug: result.Runs[r.run].Slug, Group: result.Groups[r.group].Label, Series: r.group % len(chart.Palette), Step: c.Step}
			if c.Images > 0 {
				cell.Picture = "/pictures/" + c.ImageSHA256 + ".png"
			}
			if k > 0 && c.SameNoise(first) {
				cell.Difference = fmt.Sprintf("/compare/difference/%s/%s.png", first.ImageSHA256, c.ImageSHA256)
			}
			frame.Cells = append(frame.Cells, cell)
		}
		view.Frames = append(view.Frames, frame)
	}
	return view
}

// compareDifference shows where two pictures of one size differ. It never changes.
func (s *Pages) compareDifference(w http.ResponseWriter, r *http.Request) error {
	second, ok := strings.CutSuffix(r.PathValue("second"), ".png")
	if !ok {
		return shell.ErrNoPage
	}
	a, err := s.Store.Image(r.Context(), r.PathValue("first"))
	if err != nil {
		return err
	}
	b, err := s.Store.Image(r.Context(), second)
	if err != nil {
		return err
	}
	png, err := grid.Difference(a, b)
	if errors.Is(err, grid.ErrShapes) {
		return shell.BadRequest("%w", err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(png)
	return nil
}
