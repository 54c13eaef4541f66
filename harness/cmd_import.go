package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/archive"
	"flowharness/harness/internal/store"
)

type importOptions struct {
	*app
	limit int64
	json  bool
}

func newImportCommand(a *app) *cobra.Command {
	o := &importOptions{app: a}
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Bring exported runs into the store",
		Long: `Bring runs that harness export has written into the store, which is created if
it is absent. An archive is checked as a whole before anything is changed. What
happens to a run that is there already is told by harness merge --help.`,
		Example: "  harness import otter.tar.zst\n  harness import exported/a.tar.zst exported/b.tar.zst --store all/harness.db",
		Args:    atLeast(1, "at least one FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().Int64Var(&o.limit, "limit", archive.DefaultLimit>>30, "refuse archives that unpack to more than so many GiB")
	cmd.Flags().BoolVar(&o.json, "json", false, "print an array of objects, one for each file")
	return cmd
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
