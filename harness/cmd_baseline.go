package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/baseline"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/store"
)

func newBaselineCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "baseline",
		Short:   "Keep runs in a file that later ones are compared with",
		Long:    "Baselines are files of readable JSON, to be committed beside the code.",
		Example: "  harness baseline save baseline.json @1\n  harness compare @1 --baseline baseline.json --fail-if 'accuracy < baseline - 0.01'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBaselineSaveCommand(a))
	return cmd
}

type baselineSaveOptions struct {
	*app
	force bool
}

func newBaselineSaveCommand(a *app) *cobra.Command {
	o := &baselineSaveOptions{app: a}
	cmd := &cobra.Command{
		Use:   "save FILE RUN…",
		Short: "Write the metrics of runs to a baseline file",
		Long: `Write everything that a comparison needs of runs to a file: configs,
environments, metrics and what the classifier read in each image. The runs must
differ in their seed only: the more of them, the more later comparisons can tell.`,
		Example: "  harness baseline save baseline.json @1\n  harness baseline save baseline.json brave-otter-42 calm-heron-7 --force",
		Args:    atLeast(2, "a FILE and at least one RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.withRuns(cmd.Context(), args[1:], func(st *store.Store, runs []*store.Run) error {
				return o.run(cmd.Context(), st,
					args[0], runs)
			})
		},
	}
	cmd.ValidArgsFunction = a.completeRuns
	cmd.Flags().BoolVar(&o.force, "force", false, "replace the file if it exists (never a store)")
	return cmd
}

func (o *baselineSaveOptions) run(ctx context.Context, st *store.Store, path string, runs []*store.Run) error {
	if _, err := os.Stat(path); err == nil && !o.force {
		return usagef("%s exists: name another file, or replace it with --force", path)
	}
	file := outFile{path, files.Baseline, o.force}
	if err := file.check(); err != nil {
		return err
	}
	data, err := compare.Read(ctx, st, runs)
	if err != nil {
		return err
	}
	label, err := compare.OneGroup(data)
	if err != nil {
		return err
	}
	content, err := baseline.Encode(label, data.Records)
	if err != nil {
		return err
	}
	if err := file.write(content); err != nil {
		return err
	}
	fmt.Fprintf(o.err, "%s: %s, %s\n", path, printable.Count(len(runs), "run"), printable.Count(evaluations(data), "evaluation"))
	o.printWarnings(compare.UnfinishedWarnings(data))
	return nil
}

func evaluations(data compare.Data) (n int) {
	for _, r := range data.Records {
		n += len(r.Evaluations)
	}
	return n
}
