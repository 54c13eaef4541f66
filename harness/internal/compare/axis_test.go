package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/store"
)

func TestImagesSeenAreThoseOfTheLoader(t *testing.T) {
	for _, c := range []struct {
		images, batch int
		dropLast      bool
	}{{100, 30, true}, {100, 30, false}, {100, 25, false}, {7, 10, false}, {64, 64, true}} {
		loader, err := dataset.NewLoader(&dataset.Dataset{N: c.images}, dataset.LoaderOptions{BatchSize: c.batch, DropLast: c.dropLast})
		must(t, err)
		d, seen := diet{c.batch, c.images, c.dropLast}, 0
		for step := range 3*loader.StepsPerEpoch() + 1 {
			if got := d.seen(step); got != seen {
				t.Errorf("%+v: %d images after step %d, want %d", c, got, step, seen)
			}
			seen += loader.Size(step)
		}
	}
	if got := (diet{}).seen(10); got != 0 {
		t.Errorf("of batches of an unknown size %d images were seen", got)
	}
}

// batches are two runs that see 6400 images each, the one in batches of 64.
func batches(t *testing.T, st *store.Store) (small, large *store.Run) {
	return makeRun(t, st, sketch{Name: "small", Steps: 200, Accuracy: 0.9, Config: "train: {batch_size: 32}"}),
		makeRun(t, st, sketch{Name: "large", Steps: 100, Accuracy: 0.9, Config: "train: {batch_size: 64}"})
}

func TestRunsOfOtherBatchSizesAreComparedByImagesSeen(t *testing.T) {
	st := tempStore(t)
	small, large := batches(t, st)
	r := compared(t, st, Options{}, small, large)
	warned(t, r, "different batch sizes (32, 64): at the same step they have not seen the same number of images")
	warned(t, r, "different numbers of steps (200, 100), on the same number of images (6400)")
	if !slices.Equal(r.BatchSizes, []int{32, 64}) || r.Runs[0].ImagesSeen != 6400 || r.Runs[1].BatchSize != 64 {
		t.Errorf("%v, %+v", r.BatchSizes, r.Runs)
	}
	var places []int
	for _, a := range r.ByImages {
		places = append(places, a.Images)
		// The run of small batches takes twice the steps for as many images.
		want := [2]Value{r.Curves[0].at(float64(a.Images/32), BySteps), r.Curves[1].at(float64(a.Images)/64, BySteps)}
		if math.Abs(float64(a.Values[0]-want[0])) > 1e-12 || math.Abs(float64(a.Values[1]-want[1])) > 1e-12 {
			t.Errorf("at %d images %v, want %v", a.Images, a.Values, want)
		}
	}
	if want := []int{640, 1600, 3200, 4800, 6400}; !slices.Equal(places, want) {
		t.Errorf("places %v, want %v", places, want)
	}
	if got := r.Targets[0].Groups; got[0].Images != 32*got[0].Steps || got[1].Images != 64*got[1].Steps {
		t.Errorf("targets %+v", got)
	}
	// A step of makeRun takes 10 ms.
	if row := rowOf(t, r, ImagesPerSecond); math.Abs(float64(row.Groups[0].Mean)-3200) > 1e-6 ||
		math.Abs(float64(row.Groups[1].Mean)-6400) > 1e-6 {
		t.Errorf("images per second %+v", row.Groups)
	}
	if got := r.Courses[1].Loss.ByImages; len(got) == 0 || got[len(got)-1].At != 6400 {
		t.Errorf("course %+v", got)
	}
	alone := compared(t, st, Options{}, small, makeRun(t, st, sketch{Name: "b", Config: "train: {batch_size: 32, lr: 1}"}))
	if slices.ContainsFunc(alone.Cost, func(row Row) bool { return row.Name == ImagesPerSecond }) {
		t.Error("of one batch size, images per second say what steps do")
	}
	if len(alone.ByImages) != 0 || len(alone.BatchSizes) != 1 {
		t.Errorf("of one batch size: %+v", alone.ByImages)
	}
	if i := slices.IndexFunc(alone.Warnings, func(w Warning) bool { return strings.Contains(w.Text, "batch size") }); i >= 0 {
		t.Errorf("of one batch size: %s", alone.Warnings[i])
	}
}

func TestLossesAreShownOnceAtEachPlace(t *testing.T) {
	st := tempStore(t)
	for _, c := range []struct {
		steps          [2]int
		batch          [2]int
		bySteps        []int
		byImages       []int
		secondsInSteps []float64
	}{
		{[2]int{1, 1}, [2]int{32, 32}, []int{1}, nil, []float64{1}},
		{[2]int{2, 9}, [2]int{32, 32}, []int{1, 2}, nil, []float64{1, 1.5, 2}},
		{[2]int{3, 3}, [2]int{32, 64}, []int{1, 2, 3}, []int{72, 96}, []float64{1.5, 2.25, 3}},
		{[2]int{3, 3}, [2]int{32, 512}, []int{1, 2, 3}, nil, []float64{1.5, 2.25, 3}}, // they never saw the same number of images
		{[2]int{20, 30}, [2]int{8, 8}, []int{2, 5, 10, 15, 20}, nil, []float64{2, 5, 10, 15, 20}},
	} {
		var runs []*store.Run
		for i, steps := range c.steps {
			runs = append(runs, makeRun(t, st, sketch{Name: "r", Steps: steps,
				Config: fmt.Sprintf("x: %d\ntrain: {batch_size: %d}", i, c.batch[i])}))
		}
		r := compared(t, st, Options{}, runs...)
		var bySteps, byImages []int
		var bySeconds []float64
		for _, a := range r.BySteps {
			bySteps = append(bySteps, a.Step)
		}
		for _, a := range r.ByImages {
			byImages = append(byImages, a.Images)
		}
		for _, a := range r.BySeconds {
			bySeconds = append(bySeconds, math.Round(float64(a.Seconds)/0.01*100)/100) // a step takes 10 ms
		}
		if !slices.Equal(bySteps, c.bySteps) || !slices.Equal(byImages, c.byImages) || !slices.Equal(bySeconds, c.secondsInSteps) {
			t.Errorf("runs of %v steps and batches of %v: by step %v, images %v, seconds %v", c.steps, c.batch, bySteps, byImages, bySeconds)
		}
	}
}
