package dataset

import (
	"slices"
	"testing"
)

func TestCropsArePartsOfThePaddedImage(t *testing.T) {
	shape := Spec{Height: 2, Width: 3, Channels: 1}
	image := []float32{1, 2, 3, 4, 5, 6}
	for _, tc := range []struct {
		name      string
		top, left int
		want      []float32
	}{
		{"the image itself", 0, 0, image},
		{"from the right", 0, 1, []float32{2, 3, -1, 5, 6, -1}},
		{"from the left", 0, -2, []float32{-1, -1, 1, -1, -1, 4}},
		{"from below", 1, 0, []float32{4, 5, 6, -1, -1, -1}},
		{"from above, left", -1, -1, []float32{-1, -1, -1, -1, 1, 2}},
		{"all of it outside", 0, 3, []float32{-1, -1, -1, -1, -1, -1}},
		{"above all of it", -2, 0, []float32{-1, -1, -1, -1, -1, -1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]float32, len(image))
			cropTo(got, image, shape, tc.top, tc.left)
			if !slices.Equal(got, tc.want) {
				t.Errorf("crop is %v, want %v", got, tc.want)
			}
		})
	}
}

// Every crop is a function of seed and step alone, all of them occur, and flips stay what they are without.
func TestLoaderCrops(t *testing.T) {
	d := &Dataset{Spec: Spec{Height: 1, Width: 3, Channels: 3, Classes: 1}, N: 1, Images: []uint8{10, 20, 30, 40, 50, 60, 70, 80, 90},
		Labels: []uint8{0}}
	l, err := NewLoader(d, LoaderOptions{Seed: 1, BatchSize: 1, CropPadding: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[float32]int{} // red of the first pixel
	for step := range 300 {
		images, labels := make([]float32, 9), make([]int32, 1)
		l.Fill(step, images, labels)
		again := make([]float32, 9)
		l.Fill(step, again, labels)
		if !slices.Equal(images, again) {
			t.Fatalf("step %d is %v, then %v", step, images, again)
		}
		seen[images[0]]++
	}
	// Two of three rows are padding: 2/3 of all, and 1/3 of the rest.
	if n := seen[-1]; n < 190 || n > 265 || seen[scaled[10]] < 10 || seen[scaled[40]] < 10 || len(seen) != 3 {
		t.Errorf("first pixels are %v", seen)
	}
}
