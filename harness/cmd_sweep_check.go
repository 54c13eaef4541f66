package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/baseline"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/regression"
	"flowharness/harness/internal/store"
)

type sweepCheckOptions struct {
	*app
	regression.Options
	baseline, folder string
	save, json       bool
	force            bool
	anyVersion       bool
}

func newSweepCheckCommand(a *app) *cobra.Command {
	o := &sweepCheckOptions{app: a}
	cmd := &cobra.Command{
		Use:   "check NAME --baseline FILE",
		Short: "Hold the runs of a sweep against a baseline, as a benchmark in CI",
		Long: `Hold the variants of a sweep against those of a baseline file: losses, to the last
bit where backend and processor are the same; the quality of samples, by tests; and
speed, relative to a calibration timed beside it. It writes report.md, report.html
and junit.xml. With --save it writes the baseline file instead. docs/ci.md says
what is checked.

Exit codes: 0 passed, 4 a check failed.`,
		Example: `  harness sweep check ci --baseline runs/baselines/ci.json --out runs/ci
  harness sweep check ci --baseline runs/baselines/ci.json --save`,
		Args:              exactly(1, "one NAME"),
		ValidArgsFunction: a.completeSweeps,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.baseline == "":
				return usagef("--baseline must name a file")
			case o.LossTolerance < 0:
				return usagef("--loss-tolerance must not be negative, got %g", o.LossTolerance)
			case o.SpeedAllowance < 1:
				return usagef("--speed-allowance is a factor of at least 1, got %g", o.SpeedAllowance)
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	f := cmd.Flags()
	pathVar(f, &o.baseline, "baseline", "the baseline file")
	addForce(cmd, &o.force)
	pathVar(f, &o.folder, "out", "folder for report.md, report.html and junit.xml (default: that of the sweep)")
	f.BoolVar(&o.save, "save", false, "write the baseline file from these runs")
	f.BoolVar(&o.anyVersion, "any-version", false, "take runs made by other versions of this program, too")
	f.BoolVar(&o.json, "json", false, "print the checks as JSON")
	f.Float64Var(&o.LossTolerance, "loss-tolerance", regression.DefaultLossTolerance,
		"how far, relatively, losses of another machine may be away")
	f.Float64Var(&o.SpeedAllowance, "speed-allowance", regression.DefaultSpeedAllowance,
		"how many times slower a step may be, in units of the calibration")
	return cmd
}

func (o *sweepCheckOptions) run(ctx context.Context, name string) error {
	session, err := launch.Reopen(ctx, name, launch.Options{StorePath: o.storePath, AnyCode: o.anyVersion})
	if err != nil {
		return err
	}
	defer session.Close()
	data, err := session.Data(ctx)
	if err != nil {
		return err
	}
	if o.save {
		return o.saveBaseline(data)
	}
	base, err := baseline.ReadVariants(o.baseline)
	if err != nil {
		return err
	}
	report, err := regression.Judge(data, base, o.Options)
	if err != nil {
		return err
	}
	if o.folder == "" {
		o.folder = string(session.Folder)
	}
	if err := o.writeReports(ctx, session.Store, report); err != nil {
		return err
	}
	if o.json {
		if err := o.printJSON(report.Checks); err != nil {
			return err
		}
	} else {
		printTable(o.out, report.Table(clean), o.out.Width())
		fmt.Fprintf(o.out, "%s; reports are in %s\n", report.Summary(), o.folder)
	}
	if failed := report.Failed(); len(failed) > 0 {
		return &gateError{len(failed), len(report.Checks)}
	}
	return nil
}

func (o *sweepCheckOptions) saveBaseline(data compare.Data) error {
	content, err := baseline.EncodeVariants(compare.Variants(data.Records))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.baseline), 0o755); err != nil {
		return err
	}
	if err := (outFile{o.baseline, files.Baseline, o.force}).write(content); err != nil {
		return err
	}
	fmt.Fprintf(o.err, "%s: %s\n", o.baseline, printable.Count(len(data.Records), "run"))
	o.printWarnings(compare.UnfinishedWarnings(data))
	return nil
}

func (o *sweepCheckOptions) writeReports(ctx context.Context, st *store.Store, report regression.Report) error {
	if err := os.MkdirAll(o.folder, 0o755); err != nil {
		return err
	}
	var markdown bytes.Buffer
	if err := report.WriteMarkdown(&markdown, clean); err != nil {
		return err
	}
	page, err := report.HTML(ctx, st, clean)
	if err != nil {
		return err
	}
	reports := []struct {
		outFile
		content []byte
	}{
		{o.report("report.md", files.Markdown), markdown.Bytes()},
		{o.report("report.html", files.HTML), page},
		{o.report("junit.xml", files.XML), report.JUnit(clean)},
	}
	for _, file := range reports { // all before the first is written
		if err := file.check(); err != nil {
			return err
		}
	}
	for _, file := range reports {
		if err := file.write(file.content); err != nil {
			return err
		}
	}
	return nil
}

func (o *sweepCheckOptions) report(name string, kind files.Kind) outFile {
	return outFile{filepath.Join(o.folder, name), kind, o.force}
}
