package speed

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/config"
)

// childArgument makes this test binary do what the next argument says.
const childArgument = "-bench-child"

// TestMain lets this binary be the processes that cases start, and gives all of
// them the allocator of the program.
func TestMain(m *testing.M) {
	backend.TuneAllocator()
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		if err := RunChild(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// brief are options by which everything is measured in seconds.
func brief(tb testing.TB, device string) Options {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Setenv("TMPDIR", tb.TempDir())
	return Options{Rounds: 1, Points: 2000, Backend: backend.Options{Name: device}, Full: true, Brief: true,
		Child: []string{program, childArgument}}
}

func TestEveryCaseMeasuresWhatItPromisesAndLeavesNothing(t *testing.T) {
	o := brief(t, backend.Go)
	// On the pure-Go backend, one case of each kind.
	o.Only = regexp.MustCompile(`batch 32|^sample/unguided|^log|^record|10\^4`)
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Cases) != 7 {
		t.Errorf("%d cases, want 7: %v", len(res.Cases), res.Cases)
	}
	for _, c := range res.Cases {
		if c.Skipped != "" || len(c.Measures) == 0 {
			t.Errorf("%s was not measured: %q", c.Name, c.Skipped)
		}
		for _, m := range c.Measures {
			if len(m.Values) != o.Rounds {
				t.Errorf("%s: %s has %d values, want %d", c.Name, m.Name, len(m.Values), o.Rounds)
			}
			if timed := m.Unit == Seconds || m.Unit == PointsPerTime; timed != (len(m.Ratios) == o.Rounds) {
				t.Errorf("%s: %s has %d ratios", c.Name, m.Name, len(m.Ratios))
			}
			for _, v := range append(m.Values, m.Ratios...) {
				if !(v > 0) && m.Unit != Share || math.IsInf(v, 0) {
					t.Errorf("%s: %s is %v", c.Name, m.Name, v)
				}
			}
		}
	}
	empty(t)
}

func TestAnInterruptionEndsEveryCaseAndLeavesNothing(t *testing.T) {
	for _, name := range []string{"train/batch 32", "sample/guided", "start/batch 32", "log/one process", "log/four processes",
		"store/10^4 points"} {
		t.Run(name, func(t *testing.T) {
			o := brief(t, backend.Go)
			o.Rounds, o.Only = 1000, regexp.MustCompile("^"+regexp.QuoteMeta(name)+"$")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			o.Observe = func(string) { stop() } // in the middle of the first round
			begun := time.Now()
			if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			empty(t)
		})
	}
}

func TestAPatternWithoutACaseIsRefusedWithTheirNames(t *testing.T) {
	_, err := Run(t.Context(), Options{Only: regexp.MustCompile("traim"), Rounds: 1})
	if !errors.Is(err, ErrNoCase) || !strings.Contains(err.Error(), "log/four processes") {
		t.Errorf("error is %v", err)
	}
}

func TestWhatTakesLongIsSkippedWithAReason(t *testing.T) {
	o := brief(t, backend.Go)
	o.Full, o.Only = false, regexp.MustCompile(`256|10\^7`)
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cases {
		if !strings.Contains(c.Skipped, "--full") || len(c.Measures) != 0 {
			t.Errorf("%s: skipped %q, %d measures", c.Name, c.Skipped, len(c.Measures))
		}
	}
}

func TestTheModelsAreThoseOfTheRecipes(t *testing.T) {
	for recipe, model := range map[string]string{"fm_mnist.yaml": tutorial, "quickstart.yaml": small} {
		want, err := config.Load(filepath.Join("..", "..", "..", "configs", recipe), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Options{}.configOf(model, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := fmt.Sprintf("%+v", got.Model.Options), fmt.Sprintf("%+v", want.Config.Model.Options); a != b {
			t.Errorf("%s: the model is\n%s, measured is\n%s", recipe, b, a)
		}
	}
}

func TestTheMiddleAndTheEndsOfASeries(t *testing.T) {
	for _, c := range []struct {
		values            Series
		median, low, high float64
	}{
		{Series{3}, 3, 3, 3},
		{Series{9, 1, 2}, 2, 1, 9},
		{Series{4, 1, 3, 2}, 2.5, 1, 4},
		{nil, math.NaN(), math.NaN(), math.NaN()},
	} {
		low, high := c.values.Range()
		for i, pair := range [][2]float64{{c.values.Median(), c.median}, {low, c.low}, {high, c.high}} {
			if pair[0] != pair[1] && !(math.IsNaN(pair[0]) && math.IsNaN(pair[1])) {
				t.Errorf("%v: value %d is %v, want %v", c.values, i, pair[0], pair[1])
			}
		}
	}
}

// empty asserts that nothing is left in the folder for temporary files.
func empty(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

var benchRounds = flag.Int("bench.rounds", 3, "rounds of each case that BenchmarkCases measures")

// BenchmarkCases measures what harness bench measures, and reports beside each
// median its ratio to the fixed work that was timed around it. With -short it
// only finds out whether everything works.
func BenchmarkCases(b *testing.B) {
	for _, c := range cases {
		var res *Result // Go calls a benchmark again with a larger N; once is enough
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && regexp.MustCompile(`64|256|10\^[5-7]`).MatchString(c.name) {
				b.Skip("another size of a case that is here")
			}
			o := brief(b, backend.Auto)
			if opened, err := backend.Open(o.Backend); err == nil {
				if opened.Info.Name == backend.Go {
					b.Skip("no XLA here (make plugin installs it)")
				}
				opened.Finalize()
			}
			if !testing.Short() {
				o.Brief, o.Full, o.Points, o.Rounds = false, false, 1_000_000, *benchRounds
			}
			o.Only = regexp.MustCompile("^" + regexp.QuoteMeta(c.name) + "$")
			for b.Loop() {
				if res != nil {
					continue
				}
				var err error
				if res, err = Run(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
			measured := res.Cases[0]
			if measured.Skipped != "" {
				b.Skip(measured.Skipped)
			}
			b.ReportMetric(0, "ns/op") // it has rounds and compiling in it
			for _, m := range measured.Measures {
				name := strings.ReplaceAll(strings.ReplaceAll(m.Name, ",", ""), " ", "-")
				b.ReportMetric(m.Values.Median(), name+"-"+string(m.Unit))
				if len(m.Ratios) > 0 {
					b.ReportMetric(m.Ratios.Median(), name+"-ratio")
				}
			}
		})
	}
}
