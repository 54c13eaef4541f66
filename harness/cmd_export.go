package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/archive"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/store"
)

type exportOptions struct {
	*app
	file          string
	force         bool
	noCheckpoints bool
	json          bool
	diffusers     string
	ema           bool
}

func newExportCommand(a *app) *cobra.Command {
	o := &exportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run with its checkpoints to one file",
		Long: `Write one run, with everything recorded about it and its checkpoints, to one
file (tar, zstd) that harness import reads. The same run gives the same bytes.

With --diffusers, write its network instead, as a folder that diffusers opens:
UNet2DModel.from_pretrained(DIR), and the scheduler by from_pretrained(DIR), too.
RUN may then be RUN@STEP. What UNet2DModel does not have, the table of a class
embedding that joins the image, is in class_embedding.safetensors beside it.`,
		Example: "  harness export @1\n  harness export brave-otter-42 -o otter.tar.zst --without-checkpoints\n" +
			"  harness export @1 --diffusers otter",
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.diffusers != "" {
				return o.runDiffusers(cmd, args[0])
			}
			if cmd.Flags().Changed("ema") {
				return usagef("--ema chooses weights for --diffusers; an archive has both")
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	f := cmd.Flags()
	pathVar(f, &o.diffusers, "diffusers", "write the network to this folder, for diffusers, instead of an archive")
	f.BoolVar(&o.ema, "ema", false, "with --diffusers: the averaged weights (default: those that the run draws from)")
	pathVarP(f, &o.file, "out", "o", "file to write (default NAME-OF-THE-RUN.tar.zst)")
	f.BoolVar(&o.noCheckpoints, "without-checkpoints", false,
		"leave the checkpoints out: the run cannot be resumed, sampled or evaluated then")
	f.BoolVar(&o.noCheckpoints, "no-checkpoints", false, "")
	_ = f.MarkDeprecated("no-checkpoints", "use --without-checkpoints")
	addForce(cmd, &o.force)
	f.BoolVar(&o.json, "json", false, "print what was written as JSON")
	return cmd
}

// runDiffusers writes the network alone.
func (o *exportOptions) runDiffusers(cmd *cobra.Command, ref string) error {
	for _, other := range []string{"out", "without-checkpoints", "no-checkpoints", "force"} {
		if cmd.Flags().Changed(other) {
			return usagef("--%s is of archives, and --diffusers writes a folder", other)
		}
	}
	var average *bool
	if cmd.Flags().Changed("ema") {
		average = &o.ema
	}
	done, err := experiment.ExportDiffusers(cmd.Context(), o.storePath(""), ref, average, o.diffusers)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(struct {
			Folder string   `json:"folder"`
			Files  []string `json:"files"`
			Run    string   `json:"run"`
			Step   int      `json:"step"`
			EMA    bool     `json:"ema"`
			Class  string   `json:"class"`
		}{o.diffusers, done.Files, done.Weights.Run.ID, done.Weights.Step, done.Weights.EMA, done.Class})
	}
	what := "weights"
	if done.Weights.EMA {
		what = "averaged weights"
	}
	fmt.Fprintf(o.out, "%s: %s of %s after step %d as a %s: %s\n", clean(o.diffusers), what, done.Weights.Run.Slug, done.Weights.Step,
		done.Class, strings.Join(done.Files, ", "))
	return nil
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
		fmt.Fprintf(o.out, "%s: %s, %s\n", clean(path), run.Slug, printable.Count(m.Checkpoints(), "checkpoint"))
		return nil
	})
}
