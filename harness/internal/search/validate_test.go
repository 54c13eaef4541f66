package search

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigsThatWereNotReadAreValidated(t *testing.T) {
	const noSearch = "; a key that is not searched belongs in the config"
	for _, tc := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"a good one", func(*Config) {}, "<nil>"},
		{"random search has room for many dimensions", func(c *Config) { *c = wide(Random, 100) }, "<nil>"},
		{"a zero one", func(c *Config) { *c = Config{} }, `search.method: must be one of sobol, random, got ""
search.budget: must be from 1 to 100000 trials, got 0
search.space: holds nothing to search; give it keys of the config, such as train.lr: {min: 1e-4, max: 1e-2, log: true}
search.objective.metric: must be the name of a metric, such as val/loss, got ""
search.objective.goal: must be one of minimize, maximize, got ""`},
		{"a key twice", func(c *Config) { c.Space[1].Path = c.Space[0].Path }, "search.space.a.d0: is given twice"},
		{"ends that are no numbers", func(c *Config) { c.Space[0].Min, c.Space[0].Max = math.NaN(), math.Inf(1) },
			"search.space.a.d0.min: must be a finite number, got NaN\nsearch.space.a.d0.max: must be a finite number, got +Inf"},
		{"choices and a range", func(c *Config) { c.Space[0].Choices = []string{"a", "b"} },
			"search.space.a.d0: has both choices and a range; keep one of them"},
		{"no choices", func(c *Config) { c.Space[0] = Dimension{Path: "x", Choices: []string{}} },
			"search.space.x: must have at least 2 choices, has 0" + noSearch},
		{"choices that are no scalars", func(c *Config) { c.Space[0] = Dimension{Path: "x", Choices: []string{"", "[a]", "a # b", "'", "a: b"}} },
			`search.space.x[0]: must be a YAML scalar, got "": it is empty
search.space.x[1]: must be a YAML scalar, got "[a]": it is more than a scalar on one line
search.space.x[2]: must be a YAML scalar, got "a # b": it is more than a scalar on one line
search.space.x[3]: must be a YAML scalar, got "'": found unexpected end of stream
search.space.x[4]: must be a YAML scalar, got "a: b": it is more than a scalar on one line`},
		{"a stopping rule without a name", func(c *Config) { c.Stopping.MinSteps = 5 },
			`search.stopping.rule: must be one of successive_halving, median, got ""`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := wide(Sobol, 2)
			tc.change(&c)
			if diff := cmp.Diff(tc.want, fmt.Sprint(c.Validate())); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
