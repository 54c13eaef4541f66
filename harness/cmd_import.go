package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/archive"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/label"
	"flowharness/harness/internal/store"
)

type importOptions struct {
	*app
	limit     int64
	json      bool
	diffusers string
	data      string
	name      string
	sets      []string
}

func newImportCommand(a *app) *cobra.Command {
	o := &importOptions{app: a}
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Bring exported runs into the store",
		Long: `Bring runs that harness export has written into the store, which is created if
it is absent. An archive is checked as a whole before anything is changed. What
happens to a run that is there already is told by harness merge --help.

With --diffusers, record a new run of a model in a folder that diffusers has
written (save_pretrained), or harness export --diffusers. It is finished and has
trained nothing; sample, evaluate, compare and run --from take it like any other.
Its config says where it is from and the SHA-256 of its weights.`,
		Example: "  harness import otter.tar.zst\n  harness import exported/a.tar.zst exported/b.tar.zst --store all/harness.db\n" +
			"  harness import --diffusers their/unet --data mnist",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.diffusers != "" {
				return exactly(0, "no FILE beside --diffusers")(cmd, args)
			}
			return atLeast(1, "at least one FILE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.diffusers != "" {
				return o.runDiffusers(cmd)
			}
			for _, flag := range []string{"data", "name", "set"} {
				if cmd.Flags().Changed(flag) {
					return usagef("--%s is for a model of --diffusers; an archive says it itself", flag)
				}
			}
			return o.run(cmd.Context(), args)
		},
	}
	pathVar(cmd.Flags(), &o.diffusers, "diffusers", "folder of a model of diffusers, instead of archives")
	cmd.Flags().StringVar(&o.data, "data", "", "with --diffusers: dataset that the model draws the like of (default: that of the "+
		"exported run)")
	cmd.Flags().StringVar(&o.name, "name", "", "with --diffusers: name of the run (default: the folder's)")
	cmd.Flags().StringArrayVar(&o.sets, "set", nil, "with --diffusers: override a value of the run's config: path=value (repeatable)")
	cmd.Flags().Int64Var(&o.limit, "limit", archive.DefaultLimit>>30, "refuse archives that unpack to more than so many GiB")
	cmd.Flags().BoolVar(&o.json, "json", false, "print an array of objects, one for each file")
	return cmd
}

// runDiffusers records a run of a model of diffusers.
func (o *importOptions) runDiffusers(cmd *cobra.Command) error {
	if cmd.Flags().Changed("limit") {
		return usagef("--limit is of archives, and --diffusers reads a folder")
	}
	var err error
	if o.name != "" {
		if o.name, err = label.Name(o.name); err != nil {
			return usagef("--name: %w", err)
		}
	}
	run, err := experiment.ImportDiffusers(cmd.Context(), o.diffusers, o.data, o.name, o.sets,
		experiment.Options{StorePath: o.storePath(""), Argv: o.argv})
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON([]importJSON{{File: o.diffusers, Run: run.ID, Outcome: "added"}})
	}
	fmt.Fprintf(o.out, "%s: %s added\n", clean(o.diffusers), run.Slug)
	return nil
}

// importJSON is what --json prints of a file.
type importJSON struct {
	File    string `json:"file"`
	Run     string `json:"run,omitempty"` // id
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
}

func (o *importOptions) run(ctx context.Context, files []string) error {
	if o.limit < 1 || o.limit > 1<<20 {
		return usagef("--limit must be from 1 to %d, got %d", 1<<20, o.limit)
	}
	rows := make([]importJSON, 0, len(files))
	var failed []error
	for _, file := range files {
		m, result, err := archive.Import(ctx, o.storePath(""), file, archive.ImportOptions{Limit: o.limit << 30})
		row := importJSON{file, m.Run.ID, importOutcome(result), ""}
		if err != nil {
			failed = append(failed, err)
			row.Outcome, row.Error = "refused", errorText(err)
		} else if !o.json {
			fmt.Fprintf(o.out, "%s: %s %s\n", clean(file), m.Run.Slug, row.Outcome)
		}
		rows = append(rows, row)
		if ctx.Err() != nil {
			break
		}
	}
	var err error
	if o.json {
		err = o.printJSON(rows)
	}
	return errors.Join(append(failed, err)...)
}

func importOutcome(r store.MergeResult) string {
	switch {
	case r.Added > 0:
		return "added"
	case r.Continued > 0:
		return "continued"
	case r.Same > 0:
		return "there already"
	case r.Behind > 0:
		return "further here"
	case r.Live > 0:
		return "still running here"
	default:
		return ""
	}
}
