package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/speed"
	"flowharness/harness/internal/terminal"
)

type benchOptions struct {
	*app
	speed.Options
	only  string
	child string
	json  bool
}

const benchHelp = `Measure how fast this program is here: a training step, sampling, the time to
the first step, logging, and what stands behind list, show and compare.

Each case is measured in rounds; printed are their median, the smallest and the
largest. The last column is the median of the rounds' ratios to a fixed amount
of work, timed before and after each round: it hardly depends on the machine, so
that it can be compared with what was measured elsewhere or at another time.
For seconds it is how many times as long, for rates how many in that time.

It writes to a folder of its own in $TMPDIR, or else /tmp, and removes it. Cases
that take minutes or gigabytes are left out unless --full asks for them.`

func newBenchCommand(a *app) *cobra.Command {
	o := &benchOptions{app: a}
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure how fast training, sampling, logging and the store are here", Long: benchHelp,
		Example: `  harness bench
  harness bench --only 'train|sample' --backend xla:cpu
  harness bench --only log --rounds 3 --json`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.only, "only", "", "only cases whose name matches this regular expression")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds of each case; at most 3 of those that start the program")
	f.IntVar(&o.Points, "points", 1_000_000, "points that a case of logging writes, in each process")
	f.StringVar(&o.Backend.Name, "backend", backend.Auto, "auto, xla:cpu, xla:cuda or go")
	f.BoolVar(&o.Full, "full", false, "measure what takes minutes or gigabytes, too")
	f.BoolVar(&o.json, "json", false, "print JSON, with the values of every round")
	f.StringVar(&o.child, "child", "", "what a process started by this command is to do")
	_ = f.MarkHidden("child")
	return cmd
}

func (o *benchOptions) run(ctx context.Context) error {
	if o.child != "" {
		return speed.RunChild(ctx, o.child, o.in, o.out)
	}
	if err := o.check(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	o.Child = []string{program, "bench", "--child"}
	o.Observe = func(message string) { fmt.Fprintln(o.err, message) }
	result, err := speed.Run(ctx, o.Options)
	switch {
	case errors.Is(err, speed.ErrNoCase):
		return &usageError{err}
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted, nothing is left on disk: %w", context.Canceled)
	case err != nil:
		return err
	}
	facts := machine.Collect(ctx)
	if o.json {
		return o.printJSON(toBenchJSON(result, facts))
	}
	o.print(result, facts)
	return nil
}

// check refuses flags that make no sense.
func (o *benchOptions) check() (err error) {
	const most = 100_000_000 // points; they wait in memory, 24 bytes each
	switch {
	case o.Rounds < 1 || o.Rounds > 1000:
		return usagef("--rounds must be from 1 to 1000, got %d", o.Rounds)
	case o.Points < 1000 || o.Points > most:
		return usagef("--points must be from 1000 to %d, got %d", most, o.Points)
	case !slices.Contains(backend.Names(), o.Backend.Name):
		return usagef("there is no backend %q; use one of: %v", o.Backend.Name, backend.Names())
	}
	if o.only != "" {
		if o.Only, err = regexp.Compile(o.only); err != nil {
			return usagef("--only: %v", err)
		}
	}
	return nil
}

func (o *benchOptions) print(r *speed.Result, facts machine.Facts) {
	fmt.Fprintf(o.out, "%d × %s, %s, %s, %s; harness %s\n", facts.CPUs, facts.CPUModel, bytesText(int64(facts.MemoryBytes)),
		facts.OS, r.Backend.Name, commitOf(machine.BuildGit()))
	low, high := r.Calibration.Range()
	fmt.Fprintf(o.out, "the fixed work took %s (%s to %s)\n\n", seconds(r.Calibration.Median()), seconds(low), seconds(high))
	t := terminal.NewTableOfNames("case", "measured", "median", "smallest", "largest", "ratio")
	t.Numbers = []bool{2: true, 3: true, 4: true, 5: true}
	for _, c := range r.Cases {
		if c.Skipped != "" {
			t.Add(c.Name, "skipped: "+c.Skipped)
		}
		for _, m := range c.Measures {
			low, high := m.Values.Range()
			ratio := "-"
			if len(m.Ratios) > 0 {
				ratio = fmt.Sprintf("%.3g", m.Ratios.Median())
			}
			t.Add(c.Name, m.Name, inUnit(m.Values.Median(), m.Unit), inUnit(low, m.Unit), inUnit(high, m.Unit), ratio)
		}
	}
	t.Print(o.out)
}

// inUnit writes a measured value.
func inUnit(v float64, unit speed.Unit) string {
	switch unit {
	case speed.Seconds:
		return seconds(v)
	case speed.Bytes:
		return bytesText(int64(v))
	case speed.Share:
		return fmt.Sprintf("%.4f %%", 100*v)
	case speed.PointsPerTime:
		return fmt.Sprintf("%.0f %s", v, unit)
	default:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
}

// benchJSON is what --json prints.
type benchJSON struct {
	Commit      string          `json:"commit"`
	Dirty       bool            `json:"dirty"`
	Backend     backend.Info    `json:"backend"`
	Machine     machine.Facts   `json:"machine"`
	Calibration spreadJSON      `json:"calibration_seconds"`
	Cases       []benchCaseJSON `json:"cases"`
}

type benchCaseJSON struct {
	Name     string             `json:"name"`
	About    string             `json:"about"`
	Skipped  string             `json:"skipped,omitempty"`
	Measures []benchMeasureJSON `json:"measures"`
}

type benchMeasureJSON struct {
	Name string     `json:"name"`
	Unit speed.Unit `json:"unit"`
	spreadJSON
	// Ratio is to the fixed work, see the command's help; absent where there is none.
	Ratio *spreadJSON `json:"ratio,omitempty"`
}

// spreadJSON is a quantity over the rounds.
type spreadJSON struct {
	Median   float64   `json:"median"`
	Smallest float64   `json:"smallest"`
	Largest  float64   `json:"largest"`
	Rounds   []float64 `json:"rounds"`
}

func toBenchJSON(r *speed.Result, facts machine.Facts) benchJSON {
	git := machine.BuildGit()
	j := benchJSON{Commit: git.Commit, Dirty: git.Dirty, Backend: r.Backend, Machine: facts, Cases: []benchCaseJSON{}}
	if len(r.Calibration) > 0 { // not if every case was skipped
		j.Calibration = toSpread(r.Calibration)
	}
	for _, c := range r.Cases {
		of := benchCaseJSON{Name: c.Name, About: c.About, Skipped: c.Skipped, Measures: []benchMeasureJSON{}}
		for _, m := range c.Measures {
			measure := benchMeasureJSON{Name: m.Name, Unit: m.Unit, spreadJSON: toSpread(m.Values)}
			if len(m.Ratios) > 0 {
				ratio := toSpread(m.Ratios)
				measure.Ratio = &ratio
			}
			of.Measures = append(of.Measures, measure)
		}
		j.Cases = append(j.Cases, of)
	}
	return j
}

func toSpread(s speed.Series) spreadJSON {
	low, high := s.Range()
	return spreadJSON{Median: s.Median(), Smallest: low, Largest: high, Rounds: s}
}
