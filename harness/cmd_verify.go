package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/train"
)

type verifyOptions struct {
	*app
	experiment.VerifyOptions
	json bool
}

func newVerifyCommand(a *app) *cobra.Command {
	o := &verifyOptions{app: a}
	cmd := &cobra.Command{
		Use:   "verify RUN",
		Short: "Train a recorded run again and compare it step by step",
		Long: `Train the run again from its recorded config and its first step, and compare
losses, gradient norms, learning rates and validation losses with those recorded,
to the last bit; at the run's end also its sample grids and what was measured on
them. It stops at the first difference. A run that was interrupted, or diverged,
is compared as far as it goes. Nothing is recorded, and the run is not changed.

Code, versions, backend and processor that the run was not made with are listed:
another processor, or another number of them, gives other last digits. --tolerance
allows for that; grids are then left out.

Exit codes: 0 the same, 1 failure, 2 wrong usage, 5 it differs, 130 interrupted.`,
		Example: `  harness verify @1
  harness verify brave-otter-42 --steps 100
  harness verify @1 --steps 20 --tolerance 1e-5 --json`,
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.Steps < 0:
				return usagef("--steps must not be negative")
			case !(o.Tolerance >= 0 && o.Tolerance < 1):
				return usagef("--tolerance is a relative difference: 0 or more, and less than 1")
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().IntVar(&o.Steps, "steps", 0, "repeat this many steps only (default: all that are recorded)")
	cmd.Flags().Float64Var(&o.Tolerance, "tolerance", 0, "relative difference that counts as equal (default 0: equal to the last bit)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the outcome as JSON")
	return cmd
}

func (o *verifyOptions) run(ctx context.Context, ref string) error {
	progress := newRunProgress(o.err, 10)
	v, err := experiment.Verify(ctx, ref, o.VerifyOptions, experiment.Options{
		StorePath: o.storePath(""), Argv: o.argv,
		Warn: func(message string) { progress.warn(message) },
		Started: func(s experiment.Started) {
			fmt.Fprintf(o.err, "repeating run %s (%s) on %s, %s of %s\n", s.Run.Slug, clean(s.Run.Name), s.Backend.Name,
				printable.Count(s.Data.N, "image"), s.Data.Name)
			progress = newRunProgress(o.err, s.LogEverySeconds)
		},
		Observe: func(e train.Event) { progress.event(e) },
	})
	progress.close()
	if err != nil && !errors.Is(err, train.ErrInterrupted) || v.Run == nil {
		return err
	}
	if e := o.print(v); e != nil {
		return errors.Join(err, e)
	}
	if err == nil && !v.Identical() {
		return &differsError{run: v.Run.Slug, step: v.Difference.Step, what: v.Difference.What}
	}
	return err
}

func (o *verifyOptions) print(v experiment.Verification) error {
	if o.json {
		return o.printJSON(verificationJSON(v))
	}
	compared := fmt.Sprintf("%d of %d recorded steps", v.Steps, v.RecordedSteps)
	if d := v.Difference; d != nil {
		fmt.Fprintf(o.out, "run %s differs at step %d: %s\n", v.Run.Slug, d.Step, differenceText(d))
		if d.Step > 1 && d.What == record.TrainLoss {
			fmt.Fprintf(o.out, "what it recorded before step %d is the same\n", d.Step)
		}
	} else {
		how := "the same to the last bit"
		if v.Tolerance > 0 {
			how = fmt.Sprintf("the same within %g", v.Tolerance)
		}
		fmt.Fprintf(o.out, "run %s: %s are %s (%s of %d series, %s, %s)\n", v.Run.Slug, compared, how,
			printable.Count(v.Points, "value"), v.Series, printable.Count(v.Grids, "grid"), printable.Count(v.Evaluations, "evaluation"))
	}
	for _, s := range v.NotSame {
		fmt.Fprintf(o.out, "not made with the same %s: %s then, %s now\n", s.What, orUnknown(s.Then), orUnknown(s.Now))
	}
	for _, n := range v.Notes {
		fmt.Fprintf(o.out, "note: %s\n", clean(n))
	}
	return nil
}

// differenceText says what was recorded, what came out now, and how far that is
// apart.
func differenceText(d *experiment.Difference) string {
	switch {
	case d.NowSHA256 != "":
		return fmt.Sprintf("%s has SHA-256 %.12s, recorded %.12s", clean(d.What), d.NowSHA256, d.RecordedSHA256)
	case d.Recorded == nil:
		return fmt.Sprintf("%s is %v, and no value is recorded", clean(d.What), *d.Now)
	case d.Now == nil:
		return fmt.Sprintf("%s has no value, recorded %v", clean(d.What), *d.Recorded)
	}
	text := fmt.Sprintf("%s is %v, recorded %v", clean(d.What), *d.Now, *d.Recorded)
	if math.IsNaN(d.Relative) {
		return text
	}
	return text + fmt.Sprintf(" (relative %.2g, %d ulp of %s precision)", d.Relative, d.ULPs, precision(d))
}

func precision(d *experiment.Difference) string {
	if d.SinglePrecision {
		return "single"
	}
	return "double"
}

func verificationJSON(v experiment.Verification) map[string]any {
	notSame := make([]map[string]any, 0, len(v.NotSame))
	for _, s := range v.NotSame {
		notSame = append(notSame, map[string]any{"what": s.What, "then": s.Then, "now": s.Now})
	}
	out := map[string]any{"id": v.Run.ID, "run": v.Run.Slug, "steps": v.Steps, "recorded_steps": v.RecordedSteps, "tolerance": v.Tolerance,
		"identical": v.Identical(), "points": v.Points, "series": v.Series, "grids": v.Grids, "evaluations": v.Evaluations,
		"difference": nil, "not_same": notSame, "notes": v.Notes}
	if d := v.Difference; d != nil {
		found := map[string]any{"what": d.What, "step": d.Step, "recorded": valueJSON(d.Recorded, d.RecordedSHA256),
			"now":      valueJSON(d.Now, d.NowSHA256),
			"relative": nil, "ulps": nil}
		if !math.IsNaN(d.Relative) {
			found["relative"], found["ulps"], found["precision"] = number(d.Relative), d.ULPs, precision(d)
		}
		out["difference"] = found
	}
	return out
}

// valueJSON is a value, the hash of a picture, or null.
func valueJSON(value *float64, hash string) any {
	switch {
	case hash != "":
		return hash
	case value != nil:
		return number(*value)
	}
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return clean(s)
}

// differsError says that a repeated run is not the one recorded.
type differsError struct {
	run, what string
	step      int
}

func (e *differsError) Error() string {
	return fmt.Sprintf("run %s, repeated, is not the one recorded: %s differs at step %d", e.run, clean(e.what), e.step)
}
