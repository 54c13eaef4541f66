package report

import (
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
)

func TestSentencesSayTheVerdictAndWhatItRestsOn(t *testing.T) {
	st := tempStore(t)
	good := seeds(t, st, 5, sketch{Name: "good", Accuracy: 0.97})
	bad := seeds(t, st, 5, sketch{Name: "bad", Accuracy: 0.90, Config: "x: 1"})
	alike := seeds(t, st, 5, sketch{Name: "alike", Accuracy: 0.968, Config: "x: 2"})
	flat := seeds(t, st, 4, sketch{Name: "flat", Accuracy: 0.9, Steady: true, Config: "x: 3"})
	for _, c := range []struct {
		name   string
		runs   []*store.Run
		metric string
		want   compare.Verdict
		says   []string
	}{
		{"worse", slices.Concat(good, bad), "accuracy", compare.Worse, []string{"bad is worse than good", "paired t", "after Holm over 3"}},
		{"better", slices.Concat(bad, good), "accuracy", compare.Better, []string{"good is better than bad"}},
		{"lower is better", slices.Concat(bad, good), "fd_mnist_cnn", compare.Better, []string{"good is better"}},
		{"other seeds: Welch", slices.Concat(bad[:4], good[1:]), "accuracy", compare.Better, []string{"Welch t"}},
		{"no evidence", slices.Concat(good, alike), "accuracy", compare.NoEvidence,
			[]string{"no evidence that alike differs", "seeds each would be needed"}},
		{"too few", slices.Concat(good[:3], bad), "accuracy", compare.TooFewSeeds,
			[]string{"too few seeds", "5 and 3 seeds, at least 4 each", "about", "checkpoints alone"}},
		{"one each", []*store.Run{good[0], bad[0]}, "accuracy", compare.TooFewSeeds,
			[]string{"one seed each", "Of these two checkpoints alone", "the same 200 noises", "that says nothing about other seeds"}},
		{"other targets", []*store.Run{good[0], makeRun(t, st, sketch{Name: "ddpm", Process: "ddpm", Accuracy: 0.9})}, "val/loss",
			compare.NotComparable, []string{"val/loss is not ranked: the runs predict different targets"}},
		{"no variance", slices.Concat(flat, seeds(t, st, 4, sketch{Name: "flat2", Accuracy: 0.8, Steady: true, Config: "x: 4"})), "accuracy",
			compare.NoVariance, []string{"no test can be made", "zero variance"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := rowOf(t, compared(t, st, compare.Options{}, c.runs...), c.metric)
			got, text := row.Comparisons[0], Sentence(row, row.Comparisons[0])
			if got.Verdict != c.want {
				t.Errorf("verdict is %q: %+v", got.Verdict, got)
			}
			for _, says := range c.says {
				if !strings.Contains(text, says) {
					t.Errorf("the sentence does not say %q: %s", says, text)
				}
			}
		})
	}
}

func TestFindingsSayOnceWhatIsTheSameForSeveralMetrics(t *testing.T) {
	st := tempStore(t)
	r := compared(t, st, compare.Options{}, makeRun(t, st, sketch{Name: "a", Accuracy: 0.9}),
		makeRun(t, st, sketch{Name: "b", Process: "ddpm", Accuracy: 0.9}))
	var texts []string
	for _, f := range Findings(r) {
		texts = append(texts, f.Text)
	}
	text := strings.Join(texts, "\n")
	if len(texts) != 3 || !strings.Contains(text,
		"val/loss and train/loss of "+r.Groups[1].Label+" are not ranked: the runs predict different targets") {
		t.Error(text)
	}
}

func TestASummaryHasALineForEachGroup(t *testing.T) {
	st := tempStore(t)
	runs := slices.Concat(seeds(t, st, 5, sketch{Name: "good", Accuracy: 0.97}),
		seeds(t, st, 5, sketch{Name: "bad", Accuracy: 0.9, Config: "x: 1"}),
		seeds(t, st, 5, sketch{Name: "ddpm", Process: "ddpm"}))
	got := Summary(compared(t, st, compare.Options{Metrics: []string{"train/loss", "val/loss", "accuracy"}}, runs...))
	want := []string{
		"bad against good: worse: accuracy; no evidence: train/loss; no variance: val/loss",
		"ddpm against good: not comparable: val/loss, train/loss; no value: accuracy",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
