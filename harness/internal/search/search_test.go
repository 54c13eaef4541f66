package search

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
)

func wide(method string, dimensions int) Config {
	c := Config{Method: method, Budget: 64, Seed: 3, Objective: Objective{"val/loss", Minimize}}
	for j := range dimensions {
		c.Space = append(c.Space, Dimension{Path: fmt.Sprintf("a.d%d", j), Min: 0, Max: 1})
	}
	return c
}

func TestTrialsArePinned(t *testing.T) {
	// A change of these makes a search that goes on another one.
	for method, want := range map[string]string{
		Sobol: "[[train.lr=0.0054735 train.batch_size=105 train.lr_schedule=constant] [train.lr=0.00054735 train.batch_size=37 " +
			"train.lr_schedule=cosine] [train.lr=0.00017309 train.batch_size=62 train.lr_schedule=constant]]",
		Random: "[[train.lr=0.0092138 train.batch_size=43 train.lr_schedule=constant] [train.lr=0.00077564 train.batch_size=60 " +
			"train.lr_schedule=cosine] [train.lr=0.00023557 train.batch_size=17 train.lr_schedule=constant]]",
	} {
		c := Config{Method: method, Budget: 3, Space: Space{
			{Path: "train.lr", Min: 1e-4, Max: 1e-2, Log: true},
			{Path: "train.batch_size", Min: 16, Max: 128, Integer: true, Log: true},
			{Path: "train.lr_schedule", Choices: []string{"constant", "cosine"}},
		}}
		if got := fmt.Sprint(c.Trials()); got != want {
			t.Errorf("%s: the trials are\n%s, want\n%s", method, got, want)
		}
	}
}

func TestTrialsDependOnTheirNumberAlone(t *testing.T) {
	for _, method := range []string{Sobol, Random} {
		c := wide(method, 5)
		trials := c.Trials()
		larger := c
		larger.Budget = 100
		extended := larger.Trials()
		for i, trial := range trials {
			if !slices.Equal(trial, extended[i]) || !slices.Equal(trial, c.Trial(i)) {
				t.Errorf("%s: trial %d is %v, in a larger search %v, alone %v", method, i, trial, extended[i], c.Trial(i))
			}
		}
		seeded := c
		seeded.Seed++
		for i, trial := range seeded.Trials() {
			if slices.Equal(trial, trials[i]) {
				t.Errorf("%s: trial %d is the same of another seed: %v", method, i, trial)
			}
		}
		appended := c
		appended.Space = append(slices.Clone(c.Space), Dimension{Path: "b", Min: 0, Max: 1})
		if got := appended.Trial(7)[:5]; !slices.Equal(got, c.Trial(7)) {
			t.Errorf("%s: a key at the end of the space changes the others from %v to %v", method, c.Trial(7), got)
		}
	}
}

func TestRandomPointsAreUniform(t *testing.T) {
	const n = 4000
	c := wide(Random, 2)
	var sum, squares, product float64
	for i := range n {
		p := c.point(i)
		sum += p[0]
		squares += (p[0] - 0.5) * (p[0] - 0.5)
		product += (p[0] - 0.5) * (p[1] - 0.5)
	}
	for name, v := range map[string]struct{ got, want float64 }{
		"mean": {sum / n, 0.5}, "variance": {squares / n, 1.0 / 12}, "covariance": {product / n, 0},
	} {
		if math.Abs(v.got-v.want) > 0.02 {
			t.Errorf("the %s is %v, want %v", name, v.got, v.want)
		}
	}
}

func TestSettingsAreWrittenAsOverrides(t *testing.T) {
	if got := (Assignment{"train.lr", "0.001"}).String(); got != "train.lr=0.001" {
		t.Error(got)
	}
}

func BenchmarkTrials(b *testing.B) {
	for _, method := range []string{Sobol, Random} {
		b.Run(method+"/10000x10", func(b *testing.B) {
			c := wide(method, 10)
			for b.Loop() {
				for i := range 10_000 {
					c.point(i)
				}
			}
		})
		b.Run(method+"/10000x10/settings", func(b *testing.B) {
			c := wide(method, 10)
			c.Budget = 10_000
			for b.Loop() {
				c.Trials()
			}
		})
	}
}

// inside reports whether a value is one that the dimension may take.
func (d Dimension) inside(text string) bool {
	if d.Choices != nil {
		return slices.Contains(d.Choices, text)
	}
	if d.Integer && !digits.MatchString(text) {
		return false
	}
	v, err := strconv.ParseFloat(text, 64)
	return err == nil && d.Min <= v && v <= d.Max && shortest(v) != "-0"
}
