package runpage

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/plane"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// readWay are the samples on their way from beginning to end, with the velocity field there, cut from the picture of a sample of
// points; none of other samples.
func (s *Pages) readWay(ctx context.Context, run *store.Run, sample store.Sample) (frames []lapseFrame, err error) {
	if spec, err := dataset.SpecOf(run.Dataset); err != nil || !spec.Points {
		return nil, nil // a dataset that this program does not know is none of points
	}
	png, err := s.Store.Image(ctx, sample.ImageSHA256)
	if err != nil {
		return nil, err
	}
	for i, cell := range plane.MomentCells(png) {
		t := float64(i) / float64(plane.Moments-1)
		frames = append(frames, lapseFrame{
			Picture: fmt.Sprintf("/pictures/%s.png/cells/%d", sample.ImageSHA256, cell),
			Alt:     fmt.Sprintf("samples and velocity field at t = %.2f", t),
			Caption: fmt.Sprintf("t = %.2f of %s, %s, guidance %g · step %s", t, sample.Sampler, stepsText(sample.Steps), sample.Guidance,
				shell.Count(sample.Step)),
		})
	}
	return frames, nil
}

// pictureCell serves a part of a picture of points, which never changes.
func (s *Pages) pictureCell(w http.ResponseWriter, r *http.Request) error {
	sum, ok := strings.CutSuffix(r.PathValue("name"), ".png")
	cell, err := strconv.Atoi(r.PathValue("cell"))
	if !ok || err != nil {
		return shell.ErrNoPage
	}
	png, err := s.Store.Image(r.Context(), sum)
	if err != nil {
		return err
	}
	part, err := plane.CutCell(png, cell)
	if err != nil {
		return shell.ErrNoPage
	}
	servePNG(w, part)
	return nil
}
