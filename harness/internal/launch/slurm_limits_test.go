package launch

import (
	"errors"
	"fmt"
	"testing"

	"flowharness/harness/internal/slurm"
)

func TestAnArrayWaitsForTheOneBeforeIt(t *testing.T) {
	for _, c := range []struct {
		name        string
		maxParallel int
		jobs        []*jobArray
		n           int
		want        string
	}{
		{"the first", 2, nil, 8, ""},
		{"without a limit", 0, []*jobArray{{Job: "7", Settled: make([]bool, 3)}}, 8, ""},
		{"more than may run at once", 4, []*jobArray{{Job: "7", Settled: make([]bool, 3)}}, 2, "7"},
		{"all may run at once", 5, []*jobArray{{Job: "7", Settled: make([]bool, 3)}}, 2, ""},
		{"after the last that is open", 1, []*jobArray{{Job: "7", Settled: make([]bool, 3)}, {Job: "8", Settled: []bool{true,
			false}}, {Job: "9", Settled: []bool{true}}}, 1, "8"},
		{"one whose number is not known", 1, []*jobArray{{Job: "7", Settled: make([]bool, 3)}, {Settled: make([]bool, 1)}}, 1, "7"},
	} {
		if got := (&Slurm{MaxParallel: c.maxParallel, jobs: c.jobs}).predecessor(c.n); got != c.want {
			t.Errorf("%s: after %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatMayBeTakenLater(t *testing.T) {
	queue := []*jobArray{{Job: "7", Settled: make([]bool, 1)}}
	for _, c := range []struct {
		err  error
		jobs []*jobArray
		want bool
	}{
		{slurm.ErrSubmitLimit, nil, true}, // others fill it
		{slurm.ErrPolicy, queue, true},
		{slurm.ErrPolicy, nil, false}, // it would be refused for ever
		{slurm.ErrArraySize, queue, false},
		{slurm.ErrUnavailable, nil, true},
		{errors.New("no such partition"), queue, false},
	} {
		if got := (&Slurm{jobs: c.jobs}).passes(fmt.Errorf("submitting: %w", c.err)); got != c.want {
			t.Errorf("%v with %d arrays: %v, want %v", c.err, len(c.jobs), got, c.want)
		}
	}
}

func TestAJobOfASweepInAnyScriptHasAName(t *testing.T) {
	for sweep, want := range map[string]string{"fm_vs-ddpm.2": "fm_vs-ddpm.2", "größe": "gr-e", "a+b": "a-b", "模型": "sweep", "模型2": "2"} {
		if got := jobName(sweep); got != want {
			t.Errorf("%s is %s, want %s", sweep, got, want)
		}
	}
}
