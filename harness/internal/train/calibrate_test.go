package train

import (
	"errors"
	"slices"
	"testing"
	"time"

	"flowharness/harness/internal/record"
)

// calibrationRecorder notes the steps at which the fixed work was timed.
type calibrationRecorder struct {
	*memoryRecorder
	steps []int
}

func (r *calibrationRecorder) Phase(phase string, step int, d time.Duration) {
	if phase == record.PhaseCalibration {
		r.steps = append(r.steps, step)
	}
	r.memoryRecorder.Phase(phase, step, d)
}

func TestCalibrationIsTimedAtBothEndsAndChangesNothing(t *testing.T) {
	plain, _, err := runTiny(t, t.Context(), "go", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(plain.phases[record.PhaseCalibration]); n != 0 {
		t.Errorf("a run that did not ask for it was calibrated %d times", n)
	}
	rec := &calibrationRecorder{memoryRecorder: newMemoryRecorder()}
	o := tinyOptions(t, "go", rec, t.TempDir())
	o.Calibrate, o.StopAfter = true, 5
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	o.StopAfter, o.Resume, o.Losses = 0, loadState(t, o, 5), rec.series(record.TrainLoss)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 5, 6, 12}; !slices.Equal(rec.steps, want) { // no step twice: the store adds up times of one step
		t.Errorf("timed at steps %v, want %v", rec.steps, want)
	}
	for _, d := range rec.phases[record.PhaseCalibration] {
		if d <= 0 || d > 2*time.Second {
			t.Errorf("it took %v", d)
		}
	}
	sameSeries(t, plain.series(record.TrainLoss), rec.series(record.TrainLoss))

	rec.steps = nil
	o.Resume, o.Config.Train.Steps = nil, 1
	if _, err := Run(t.Context(), o); err != nil || !slices.Equal(rec.steps, []int{1}) {
		t.Errorf("a run of one step is timed at %v (%v)", rec.steps, err)
	}
}
