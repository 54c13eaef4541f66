package compare

import (
	"slices"
	"testing"
)

func TestASummaryHasALineForEachGroup(t *testing.T) {
	st := tempStore(t)
	runs := slices.Concat(seeds(t, st, 5, sketch{name: "good", accuracy: 0.97}), seeds(t, st, 5, sketch{name: "bad", accuracy: 0.9, config: "x: 1"}),
		seeds(t, st, 5, sketch{name: "ddpm", process: "ddpm"}))
	got := compared(t, st, Options{Metrics: []string{"train/loss", "val/loss", "accuracy"}}, runs...).Summary()
	want := []string{
		"bad against good: worse: accuracy; no evidence: train/loss; no variance: val/loss",
		"ddpm against good: not comparable: val/loss, train/loss; no value: accuracy",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
