package speed

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"flowharness/harness/internal/chart"
)

// measuredCost holds medians measured with the tutorial's network on XLA CPU.
type measuredCost struct {
	Training []struct {
		Batch   float64 `json:"batch"`
		Seconds float64 `json:"seconds"` // of a step
	} `json:"training"`
	Sampling []struct {
		Steps   float64 `json:"steps"`
		Seconds float64 `json:"seconds"` // of 44 images with guidance
	} `json:"sampling"`
}

// TestThePicturesOfCostAreThoseMeasured: time grows in proportion to images and
// to evaluations.
func TestThePicturesOfCostAreThoseMeasured(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "cost.json"))
	if err != nil {
		t.Fatal(err)
	}
	var measured measuredCost
	if err := json.Unmarshal(text, &measured); err != nil {
		t.Fatal(err)
	}
	pictures := filepath.Join("..", "..", "..", "docs", "pictures")

	training := chart.Line{Label: "training", Marked: true}
	for _, m := range measured.Training {
		training.Points = append(training.Points, chart.Point{X: m.Batch, Y: 1e3 * m.Seconds / m.Batch})
	}
	sameFile(t, filepath.Join(pictures, "cost_batch.svg"), chart.Chart{Title: "Time of training an image against the batch size",
		XLabel: "images in a batch", YLabel: "milliseconds an image", LogX: true, Lines: []chart.Line{training}}.File())

	sampling := chart.Line{Label: "sampling", Color: 1, Marked: true}
	for _, m := range measured.Sampling {
		sampling.Points = append(sampling.Points, chart.Point{X: 2 * m.Steps, Y: 1e3 * m.Seconds / 44})
	}
	sameFile(t, filepath.Join(pictures, "cost_evaluations.svg"), chart.Chart{Title: "Time of drawing an image against its evaluations",
		XLabel: "network calls an image (two a guided step)", YLabel: "milliseconds an image", Lines: []chart.Line{sampling}}.File())
}
