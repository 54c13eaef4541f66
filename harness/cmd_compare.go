package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/baseline"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/report"
	"flowharness/harness/internal/store"
)

type compareOptions struct {
	*app
	compare.Request
	guidance                  float64
	failIf                    []string
	grid, html                string
	force                     bool
	json, markdown, csvOutput bool
	quiet                     bool
}

func newCompareCommand(a *app) *cobra.Command {
	o := &compareOptions{app: a}
	cmd := &cobra.Command{
		Use:   "compare RUN RUN…",
		Short: "Set runs beside each other",
		Long: `Compare runs, each with the first: what differs in their configs and
environments, what they reached and at what cost, and whether a difference is
more than chance. Runs that differ in their seed only form a group, and verdicts
are over the seeds of groups; docs/compare.md says how to read them.

With --group-by a config key (or "config") runs are grouped by its value, and a
config's name stands for all runs of that name that came to their end.

With --html or --grid the report is in the file, and a summary of the verdicts is
printed; --json, --markdown or --csv print theirs besides. With --quiet nothing is
printed but errors.

--fail-if makes it a gate: where such a condition holds, the exit code is 4. See
docs/gate.md.`,
		Example: `  harness compare @2 @1
  harness compare fm_mnist ddpm_mnist --group-by process.name --html report.html
  harness compare @1 --baseline baseline.json --fail-if 'accuracy < baseline - 0.01'`,
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.GroupBy, "group-by", nil, "group runs by these config keys, such as process.name; config: by all but the seed")
	f.StringSliceVar(&o.Metrics, "metric", nil, "only metrics that match these patterns, such as 'accuracy*'; all: details too")
	f.StringVar(&o.Sampler, "sampler", "", "metrics of samples of this sampler")
	f.IntVar(&o.Steps, "steps", 0, "metrics of samples of this number of steps")
	f.Float64Var(&o.guidance, "guidance", 0, "metrics of samples of this guidance scale")
	f.StringArrayVar(&o.Targets, "target", nil, "time until val/loss=0.2 or accuracy=0.95 (repeatable)")
	pathVar(f, &o.Baseline, "baseline", "compare with this baseline file or run")
	f.StringArrayVar(&o.failIf, "fail-if", nil, "exit with code 4 if this holds (repeatable)")
	pathVar(f, &o.grid, "grid", "write the runs' grids side by side to this PNG file")
	pathVar(f, &o.html, "html", "write a page with charts and grids to this file; it needs no network")
	addForce(cmd, &o.force)
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.markdown, "markdown", false, "print Markdown, for a pull request")
	f.BoolVar(&o.csvOutput, "csv", false, "print CSV, a line for each metric of each run and group")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors: for --html, --grid and --fail-if")
	return cmd
}

// complete checks the command line.
func (o *compareOptions) complete(cmd *cobra.Command, args []string) error {
	var outputs []string
	for _, name := range []string{"json", "markdown", "csv", "quiet"} {
		if cmd.Flags().Changed(name) {
			outputs = append(outputs, "--"+name)
		}
	}
	if len(outputs) > 1 {
		return usagef("%s exclude each other", strings.Join(outputs, " and "))
	}
	for _, file := range []outFile{o.htmlFile(), o.gridFile()} {
		if err := file.check(); err != nil {
			return err
		}
	}
	if cmd.Flags().Changed("guidance") {
		o.Guidance = &o.guidance
	}
	o.Runs = args
	return o.Check()
}

func (o *compareOptions) run(ctx context.Context) error {
	switch isFile, err := baselineFile(o.Baseline); {
	case err != nil:
		return err
	case isFile:
		file, err := baseline.Read(o.Baseline)
		if err != nil {
			return err
		}
		o.Given, o.GivenLabel = file.Runs, file.Label
	}
	st, err := o.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	selected, err := o.Select(ctx, st)
	if err != nil {
		return err
	}
	selected.Options.Also = condition.Metrics(o.failIf)
	result, err := selected.Compare(ctx, st)
	if err != nil {
		return err
	}
	var checks []condition.Check
	if len(o.failIf) > 0 {
		if checks, err = condition.Evaluate(result, o.failIf); err != nil {
			return err
		}
	}
	if err := o.writeFiles(ctx, st, result); err != nil {
		return err
	}
	if err := o.print(result, checks); err != nil {
		return err
	}
	if failed := condition.Failed(checks); len(failed) > 0 {
		return &gateError{len(failed), len(checks)}
	}
	return nil
}

// baselineFile tells whether a baseline is a file; one that looks like a path
// must be there.
func baselineFile(name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return true, nil
	}
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".json") {
		return false, usagef("there is no baseline file %s: harness baseline save %s RUN… writes one", name, name)
	}
	return false, nil
}

func (o *compareOptions) htmlFile() outFile { return outFile{o.html, files.HTML, o.force} }
func (o *compareOptions) gridFile() outFile { return outFile{o.grid, files.PNG, o.force} }

func (o *compareOptions) writeFiles(ctx context.Context, st *store.Store, result *compare.Result) error {
	if o.grid != "" {
		if err := o.writeGrid(ctx, st, result); err != nil {
			return err
		}
	}
	if o.html != "" {
		album, err := result.Album(ctx, st)
		if err != nil {
			return err
		}
		page, err := report.HTML(result, album, clean)
		if err != nil {
			return err
		}
		if err := o.htmlFile().write(page); err != nil {
			return err
		}
		o.tell("%s: written", o.html)
	}
	return nil
}

// writeGrid writes the grids of the first sampling that all runs drew.
func (o *compareOptions) writeGrid(ctx context.Context, st *store.Store, result *compare.Result) error {
	pictures, err := result.Pictures(ctx, st)
	if err != nil {
		return err
	}
	picture := pictures[0]
	if err := o.gridFile().write(picture.PNG); err != nil {
		return err
	}
	note := ""
	switch {
	case picture.SameNoise && len(picture.Runs) > 1:
		note = "; below: how much each differs from the first, which started from the same noise"
	case !picture.SameNoise && !picture.Points:
		note = "; they did not start from the same noise"
	}
	o.tell("%s: %s%s", o.grid, picture.Title, note)
	return nil
}

// tell prints what was done to standard error.
func (o *compareOptions) tell(format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(o.err, format+"\n", args...)
	}
}

// gateError says that conditions of --fail-if hold.
type gateError struct{ failed, all int }

func (e *gateError) Error() string {
	return fmt.Sprintf("the gate failed: %d of %d checks", e.failed, e.all)
}
