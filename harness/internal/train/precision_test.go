package train

import (
	"errors"
	"math"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/models"
)

// TestHalfPrecisionTrainsLikeFloat32 trains a network with attention for 30 steps:
// losses are within 0.5% of those in float32 (0.05% when this was written), and a
// repetition that is interrupted has the same ones to the bit.
func TestHalfPrecisionTrainsLikeFloat32(t *testing.T) {
	reference, _ := trainWithPrecision(t, models.Float32)
	half, o := trainWithPrecision(t, models.BFloat16)
	var worst float64
	for i, want := range reference.series(record.TrainLoss) {
		got := half.series(record.TrainLoss)[i]
		worst = max(worst, math.Abs(got-want)/want)
		if !finite(got) || !(math.Abs(got-want) < 0.005*want) {
			t.Errorf("step %d: loss %v, in float32 %v", i+1, got, want)
		}
	}
	t.Logf("largest relative distance of a loss: %.3g", worst)
	if worst == 0 {
		t.Error("the losses are those of float32")
	}
	for i, want := range reference.series("val/loss") {
		if got := half.series("val/loss")[i]; !(math.Abs(got-want) < 0.005*want) || got == want {
			t.Errorf("validation loss %d is %v, in float32 %v", i, got, want)
		}
	}
	if string(half.samples[0].PNG) == string(reference.samples[0].PNG) {
		t.Error("the grid is that of float32")
	}

	// Again, stopped halfway and continued.
	resumed := newMemoryRecorder()
	o.Recorder, o.CheckpointDir, o.StopAfter = resumed, t.TempDir(), 15
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	o.Resume, o.Losses, o.StopAfter = loadState(t, o, 15), resumed.series(record.TrainLoss), 0
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, series := range []string{record.TrainLoss, record.GradNorm, "val/loss"} {
		sameSeries(t, half.series(series), resumed.series(series))
	}
	if string(half.samples[0].PNG) != string(resumed.samples[0].PNG) {
		t.Error("the grid of the same run differs")
	}
}

func trainWithPrecision(t *testing.T, p models.Precision) (*memoryRecorder, Options) {
	t.Helper()
	rec := newMemoryRecorder()
	o := tinyOptions(t, "xla:cpu", rec, t.TempDir())
	o.Config.Backend.Precision = p
	o.Config.Model = o.Config.Model.With("down_block_types", []string{"DownBlock2D", "AttnDownBlock2D"})
	o.Config.Model = o.Config.Model.With("up_block_types", []string{"AttnUpBlock2D", "UpBlock2D"})
	o.Config.Train.Steps, o.Config.Sampling.AtEpochs = 30, nil
	o.Config.Metrics.ValidateEverySteps = 15
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return rec, o
}
