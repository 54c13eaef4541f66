package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/store"
)

type compareOptions struct {
	*app
	grid           string
	json, markdown bool
}

func newCompareCommand(a *app) *cobra.Command {
	o := &compareOptions{app: a}
	cmd := &cobra.Command{
		Use:   "compare RUN RUN…",
		Short: "Set runs beside each other",
		Long: `Compare runs: what differs in their configs and environments, losses, timing,
and what was sampled. --grid writes their grids of the same sampler, steps and
guidance side by side; grids of one sampling seed start from the same noise.`,
		Example:           "  harness compare @2 @1\n  harness compare fm_mnist ddpm_mnist --grid both.png --markdown",
		Args:              atLeast(2, "at least two RUNs"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := exclusive(cmd, "json", "markdown"); err != nil {
				return err
			}
			return o.withRuns(cmd.Context(), args, func(st *store.Store, runs []*store.Run) error { return o.run(cmd.Context(), st, runs) })
		},
	}
	cmd.Flags().StringVar(&o.grid, "grid", "", "write the runs' grids side by side to this PNG file")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print Markdown, for a pull request")
	return cmd
}

func (o *compareOptions) run(ctx context.Context, st *store.Store, runs []*store.Run) error {
	result, err := compare.Load(ctx, st, runs)
	if err != nil {
		return err
	}
	if o.grid != "" {
		if err := o.writeGrid(ctx, st, result); err != nil {
			return err
		}
	}
	if o.json {
		return o.printJSON(result)
	}
	for _, part := range result.Tables(clean) {
		if len(part.Rows) == 0 {
			continue
		}
		t := o.newTable()
		t.AppendHeader(part.Header)
		t.AppendRows(part.Rows)
		if o.markdown {
			fmt.Fprintf(o.out, "### %s\n\n", part.Title)
			t.RenderMarkdown()
		} else {
			fmt.Fprintln(o.out, part.Title)
			t.Render()
		}
		fmt.Fprintln(o.out)
	}
	for _, w := range result.Warnings {
		if o.markdown {
			fmt.Fprintf(o.out, "> **%s**\n", w)
		} else {
			fmt.Fprintf(o.out, "warning: %s\n", w)
		}
	}
	return nil
}

// writeGrid writes the grids of the first sampling that all runs drew.
func (o *compareOptions) writeGrid(ctx context.Context, st *store.Store, result *compare.Result) error {
	for _, s := range result.Samples {
		var pictures [][]byte
		for _, c := range s.Cells {
			if c.Images == 0 {
				break
			}
			png, err := st.Image(ctx, c.ImageSHA256)
			if err != nil {
				return err
			}
			pictures = append(pictures, png)
		}
		if len(pictures) < len(s.Cells) {
			continue
		}
		picture, err := grid.SideBySide(pictures...)
		if err != nil {
			return err
		}
		if err := writeFile(o.grid, picture); err != nil {
			return err
		}
		fmt.Fprintf(o.err, "%s: %s, %d steps, guidance %g\n", o.grid, s.Sampler, s.Steps, s.Guidance)
		return nil
	}
	// A flow-matching and a DDPM run share no sampler: their last grids then.
	var pictures [][]byte
	for i, run := range result.Runs {
		var last *compare.Cell
		for _, s := range result.Samples {
			if s.Cells[i].Images > 0 {
				last = &s.Cells[i]
			}
		}
		if last == nil {
			return fmt.Errorf("run %s has no grid to compare: harness sample %s draws one", run.Slug, run.Slug)
		}
		png, err := st.Image(ctx, last.ImageSHA256)
		if err != nil {
			return err
		}
		pictures = append(pictures, png)
	}
	picture, err := grid.SideBySide(pictures...)
	if err != nil {
		return err
	}
	if err := writeFile(o.grid, picture); err != nil {
		return err
	}
	fmt.Fprintf(o.err, "%s: the last grid of each run; they share no sampler, steps and guidance\n", o.grid)
	return nil
}
