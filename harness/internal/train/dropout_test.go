package train

import (
	"errors"
	"math"
	"testing"

	"flowharness/harness/internal/record"
)

// What dropout leaves out follows from seed, step and sample: a run that is interrupted and resumed is the uninterrupted one
// to the bit, and one that takes its batches in parts is the other up to rounding.
func TestDropoutResumesToTheBitAndInParts(t *testing.T) {
	b := openBackend(t, "go").Backend
	options := func(dropout float64) (Options, *memoryRecorder) {
		rec := newMemoryRecorder()
		o := smallOptions(t, b, 1, rec)
		o.Config.Train.MicrobatchSize = 8
		o.Config.Model = o.Config.Model.With("dropout", dropout)
		return o, rec
	}
	run := func(o Options) {
		t.Helper()
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	o, without := options(0)
	run(o)
	o, whole := options(0.3)
	run(o)
	if without.series(record.TrainLoss)[0] == whole.series(record.TrainLoss)[0] {
		t.Error("dropout does not change the loss")
	}

	o, again := options(0.3)
	o.StopAfter = 5 // in the middle of an epoch
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	o.Resume, o.Losses, o.StopAfter = loadState(t, o, 5), again.series(record.TrainLoss), 0
	run(o)
	for _, s := range []string{record.TrainLoss, record.GradNorm, record.Last100} {
		sameSeries(t, whole.series(s), again.series(s))
	}

	o, parts := options(0.3)
	o.Config.Train.MicrobatchSize = 2
	run(o)
	want, got := whole.series(record.TrainLoss), parts.series(record.TrainLoss)
	for i := range want {
		if d := math.Abs(got[i]/want[i] - 1); !(d <= microbatchTolerance) {
			t.Errorf("in parts the loss of step %d is %v, want %v", i+1, got[i], want[i])
		}
	}
}
