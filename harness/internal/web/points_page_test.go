package web_test

import (
	"bytes"
	"fmt"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"flowharness/harness/internal/plane"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// TestThePageOfPointsHasTheirWayAndTheLossByTime: the moments of a picture of points can be gone through, and the validation
// loss is drawn against the timestep.
func TestThePageOfPointsHasTheirWayAndTheLossByTime(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "points", Process: "flow_match", Dataset: "moons", ConfigHash: "points",
		SourceYAML: "name: points\n", ResolvedYAML: "name: points\n", Environment: map[string]any{}})
	check(t, err)
	w, err := st.OpenWriter(t.Context(), run.ID)
	check(t, err)
	for _, step := range []int{1, 2} {
		w.Point("train/loss", step, 1)
		w.Point("val/loss", step, 1)
		for bin := range 10 {
			w.Point(fmt.Sprintf("val/loss_bin_%d", bin), step, 1/float64(bin+step))
		}
	}
	check(t, w.Sample(t.Context(), store.SampleRecord{Drawing: record.Drawing{Step: 2, Sampler: "euler", SamplerJSON: "{}", Steps: 3,
		Guidance: 1, NFE: 3, Images: 2}, PNG: pointsPicture(t)}))
	check(t, w.Finish(t.Context(), record.StatusFinished, ""))

	address := serve(t, web.Options{Store: st})
	_, page := get(t, address+"/runs/"+run.Slug)
	for _, want := range []string{`id="way"`, "t = 0.25 of euler, 3 steps", "val/loss against the timestep", "after step 1", "after step 2"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	cells := regexp.MustCompile(`/pictures/[0-9a-f]+\.png/cells/\d+`).FindAllString(page, -1)
	if len(cells) != 2*plane.Moments { // a link and a picture each
		t.Fatalf("the page has the cells %v", cells)
	}
	status, cell := get(t, address+cells[0])
	img, err := png.Decode(bytes.NewReader([]byte(cell)))
	if status != 200 || err != nil || img.Bounds().Dx() != plane.Cell {
		t.Errorf("a cell answers %d, %v", status, err)
	}
	for _, none := range []string{"/cells/99", "/cells/-1", "/cells/x"} {
		if status, _ := get(t, address+cells[0][:strings.Index(cells[0], "/cells")]+none); status != 404 {
			t.Errorf("%s answers %d, want 404", none, status)
		}
	}
}

func pointsPicture(t *testing.T) []byte {
	t.Helper()
	p := plane.Picture{Data: []float32{0, 0, 1, 1}, Samples: []float32{0, 1, 1, 0}, Paths: [][]float32{{0, 0, 0, 1}}}
	for i := range plane.Moments {
		p.Moments = append(p.Moments, plane.Moment{T: float64(i) / 4, Samples: p.Samples, At: []float32{0, 0}, Velocity: []float32{1, 0}})
	}
	file, err := plane.Encode(p)
	check(t, err)
	return file
}
