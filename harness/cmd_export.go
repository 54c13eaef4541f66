package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/archive"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/store"
)

type exportOptions struct {
	*app
	file          string
	force         bool
	noCheckpoints bool
	json          bool
}

func newExportCommand(a *app) *cobra.Command {
	o := &exportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run with its checkpoints to one file",
		Long: `Write one run, with everything recorded about it and its checkpoints, to one
file (tar, zstd) that harness import reads. The same run gives the same bytes.`,
		Example:           "  harness export @1\n  harness export brave-otter-42 -o otter.tar.zst --without-checkpoints",
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	pathVarP(f, &o.file, "out", "o", "file to write (default NAME-OF-THE-RUN.tar.zst)")
	f.BoolVar(&o.noCheckpoints, "without-checkpoints", false,
		"leave the checkpoints out: the run cannot be resumed, sampled or evaluated then")
	f.BoolVar(&o.noCheckpoints, "no-checkpoints", false, "")
	_ = f.MarkDeprecated("no-checkpoints", "use --without-checkpoints")
	addForce(cmd, &o.force)
	f.BoolVar(&o.json, "json", false, "print what was written as JSON")
	return cmd
}

func (o *exportOptions) run(ctx context.Context, ref string) error {
	return o.withRuns(ctx, []string{ref}, func(st *store.Store, runs []*store.Run) error {
		run := runs[0]
		path := o.file
		if path == "" {
			path = run.Slug + ".tar.zst"
		}
		if err := (outFile{path, files.Archive, o.force}).check(); err != nil {
			return err
		}
		m, err := archive.Export(ctx, st, run.RunInfo, path, archive.ExportOptions{Checkpoints: !o.noCheckpoints})
		if errors.Is(err, archive.ErrNoCheckpoints) {
			return fmt.Errorf("%w; to export what the store holds of it all the same, add --without-checkpoints", err)
		}
		if err != nil {
			return err
		}
		if o.json {
			return o.printJSON(struct {
				File     string           `json:"file"`
				Manifest archive.Manifest `json:"manifest"`
			}{path, m})
		}
		fmt.Fprintf(o.out, "%s: %s, %s\n", clean(path), run.Slug, counted(m.Checkpoints(), "checkpoint"))
		return nil
	})
}
