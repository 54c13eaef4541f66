package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/merge"
	"flowharness/harness/internal/store"
)

type mergeOptions struct {
	*app
	json bool
}

func newMergeCommand(a *app) *cobra.Command {
	o := &mergeOptions{app: a}
	cmd := &cobra.Command{
		Use:   "merge SHARD…",
		Short: "Merge the runs of other stores into this one",
		Long: `Merge the runs of other store files, with their checkpoints, into the store,
which is created if it is absent. The others are only read.

A run that is in both is left alone if it is the same, or further here. It is
replaced, but for its slug, tags and notes, if the other store continues it. If
the two differ in another way it is refused, and the other runs go on. Running
runs are left alone. Merging again changes nothing, so a merge that was stopped
is finished by the same command.`,
		Example: `  harness merge shard1/harness.db shard2/harness.db
  harness merge runs-of-the-cluster.db --store all/harness.db --json`,
		Args: atLeast(1, "at least one store to merge"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print an array of objects, one for each store merged")
	return cmd
}

// mergeJSON is what --json prints of a source.
type mergeJSON struct {
	Source    string `json:"source"`
	Added     int    `json:"added"`
	Continued int    `json:"continued"`
	Same      int    `json:"same"`
	Behind    int    `json:"behind"`
	Live      int    `json:"running"`
	Trashed   int    `json:"trashed"`
	Refused   int    `json:"refused"`
	Error     string `json:"error,omitempty"`
}

func (o *mergeOptions) run(ctx context.Context, sources []string) error {
	var st *store.Store
	defer func() {
		if st != nil {
			st.Close()
		}
	}()
	rows := make([]mergeJSON, 0, len(sources))
	var failed []error
	for _, source := range sources {
		var result store.MergeResult
		var err error
		if st == nil {
			// A store is not created for a source that cannot be merged.
			err = store.CheckFile(ctx, source)
		}
		if err == nil && st == nil {
			if st, err = store.Open(ctx, o.storePath("")); err != nil {
				return err // it would fail for every source
			}
		}
		if err == nil {
			observe, over := counting(o.err, "runs", clean(source))
			result, err = merge.Store(ctx, st, source, store.MergeOptions{Observe: observe})
			over()
		}
		row := mergeJSON{source, result.Added, result.Continued, result.Same, result.Behind, result.Live, result.Trashed, result.Refused, ""}
		if err != nil {
			failed = append(failed, err)
			row.Error = errorText(err)
		}
		if result.Total() > 0 && !o.json {
			fmt.Fprintf(o.out, "%s: %s\n", clean(source), mergeCounts(result))
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

// mergeCounts says what became of the runs of a source; always what was added,
// and the rest if there is any.
func mergeCounts(r store.MergeResult) string {
	parts := []string{fmt.Sprintf("%d added", r.Added)}
	for _, c := range []struct {
		n    int
		what string
	}{{r.Continued, "continued"}, {r.Same, "there already"}, {r.Behind, "further here"}, {r.Live, "still running"}, {r.Trashed,
		"in its trash"}, {r.Refused, "refused"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}
