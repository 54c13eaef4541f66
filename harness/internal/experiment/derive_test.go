package experiment

import (
	"context"
	"errors"
	"strings"
	"testing"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

func TestADerivedRunEqualsOneThatWasTrainedItself(t *testing.T) {
	sets := []string{"sampling.steps=[2,3]", "sampling.guidance=[0,3]"}
	parent, o := mustStart(t)
	derived, err := Derive(t.Context(), resolve(t, sets...), parent.Run.ID, o)
	if err != nil {
		t.Fatal(err)
	}
	itself, err := Start(t.Context(), resolve(t, sets...), o)
	if err != nil {
		t.Fatal(err)
	}
	if r := derived.Run; r.Status != record.StatusFinished || r.TrainedBy != parent.Run.ID || r.LastStep != 6 ||
		r.ConfigHash != itself.Run.ConfigHash {
		t.Errorf("it is recorded as %+v", r.RunInfo)
	}
	if v := derived.Run.CodeVersion; v == "" || v != parent.Run.CodeVersion {
		t.Errorf("the code version is %q, of the other run %q", v, parent.Run.CodeVersion)
	}
	st := openStore(t, o)
	for _, series := range []string{record.TrainLoss, record.GradNorm, "val/loss"} {
		a, errA := st.Series(t.Context(), derived.Run.ID, series, store.SeriesOptions{})
		b, errB := st.Series(t.Context(), itself.Run.ID, series, store.SeriesOptions{})
		if errA != nil || errB != nil || len(a) == 0 || len(a) != len(b) {
			t.Fatalf("%s has %d and %d points (%v, %v)", series, len(a), len(b), errA, errB)
		}
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("%s: %v, trained itself: %v", series, a[i], b[i])
			}
		}
	}
	a, errA := st.Samples(t.Context(), derived.Run.ID)
	b, errB := st.Samples(t.Context(), itself.Run.ID)
	if errA != nil || errB != nil || len(a) != 4 || len(b) != 4 {
		t.Fatalf("%d and %d samples (%v, %v)", len(a), len(b), errA, errB)
	}
	for i := range a {
		if a[i].ImageSHA256 != b[i].ImageSHA256 {
			t.Errorf("sample %d differs: %+v, trained itself: %+v", i, a[i], b[i])
		}
	}
	// Its checkpoint is its own.
	if _, _, err := Sample(t.Context(), derived.Run.ID, SampleOptions{}, o); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeDerivedLeavesNothing(t *testing.T) {
	parent, o := mustStart(t)
	_, err := Derive(t.Context(), resolve(t, "train.lr=0.5"), parent.Run.ID, o)
	if !errors.Is(err, ErrOtherTraining) {
		t.Errorf("another learning rate: %v", err)
	}
	// The validation loss is one of the sampling seed's noise, and of the weights that are drawn with.
	for _, set := range []string{"sampling.seed=1", "sampling.use_ema=false"} {
		if _, err := Derive(t.Context(), resolve(t, set), parent.Run.ID, o); !errors.Is(err, ErrOtherTraining) {
			t.Errorf("%s: %v", set, err)
		}
	}
	if _, err := Derive(t.Context(), resolve(t), "none", o); !errors.As(err, new(*store.NotFoundError)) {
		t.Errorf("from no run: %v", err)
	}
	if runs, err := openStore(t, o).ListRuns(t.Context(), store.Filter{}); err != nil || len(runs) != 1 {
		t.Errorf("there are %d runs (%v)", len(runs), err)
	}
}

func TestOnlyAFinishedTrainingIsShared(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Observe = func(train.Event) { cancel() }
	out, err := Start(ctx, resolve(t), o)
	if !errors.Is(err, train.ErrInterrupted) {
		t.Fatalf("error is %v", err)
	}
	if _, err := Derive(t.Context(), resolve(t, "sampling.steps=[2]"), out.Run.ID,
		o); err == nil || !strings.Contains(err.Error(), "only the training of a finished run") {
		t.Errorf("error is %v", err)
	}
}
