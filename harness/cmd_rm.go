package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/trash"
)

type rmOptions struct {
	*app
	yes, trash, undo, empty bool
}

func newRmCommand(a *app) *cobra.Command {
	o := &rmOptions{app: a}
	cmd := &cobra.Command{
		Use:   "rm RUN…",
		Short: "Delete runs, with their checkpoints",
		Long: `Delete runs with everything recorded about them, and their checkpoints. There is
no undo, except with --trash: what is in the trash stays there, out of sight, until
--undo takes it out again or --empty-trash deletes it. A running run is refused.
Checkpoints are deleted first, so that runs can be deleted on a full disk.

A run in the trash is found by its whole id or slug only; harness list --trash
shows them. It does not count as made: a sweep makes it again.`,
		Example: "  harness rm @1\n  harness rm brave-otter-42 calm-heron-7 --yes\n  harness rm --trash @1\n  harness rm --undo " +
			"brave-otter-42\n  harness rm --empty-trash",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.empty {
				return exactly(0, "no RUN with --empty-trash")(cmd, args)
			}
			return atLeast(1, "at least one RUN")(cmd, args)
		},
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := exclusive(cmd, "trash", "undo", "empty-trash"); err != nil {
				return err
			}
			return o.run(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.trash, "trash", false, "put them into the trash, which can be undone")
	f.BoolVar(&o.undo, "undo", false, "take them out of the trash")
	f.BoolVar(&o.empty, "empty-trash", false, "delete all that is in the trash")
	return cmd
}

func (o *rmOptions) run(ctx context.Context, args []string) error {
	if !o.trash && !o.undo && !o.yes && !o.inTerminal {
		return usagef("pass --yes to delete without being asked")
	}
	return o.withRuns(ctx, args, func(st *store.Store, runs []*store.Run) error {
		switch {
		case o.trash:
			return st.Trash(ctx, runIDs(runs)...)
		case o.undo:
			return st.Restore(ctx, runIDs(runs)...)
		case o.empty:
			found, err := trash.Runs(ctx, st)
			if err != nil {
				return err
			}
			return o.delete(ctx, st, found)
		}
		return o.delete(ctx, st, distinct(runs))
	})
}

// delete asks first, unless told not to.
func (o *rmOptions) delete(ctx context.Context, st *store.Store, runs []store.RunInfo) error {
	if len(runs) == 0 {
		fmt.Fprintln(o.err, "the trash is empty")
		return nil
	}
	for _, r := range runs {
		fmt.Fprintf(o.err, "%s  %s  %s, %s\n", r.Slug, clean(r.Name), r.Status, printable.Count(r.LastStep, "step"))
	}
	if !o.yes {
		what := "this run"
		if len(runs) > 1 {
			what = fmt.Sprintf("these %d runs", len(runs))
		}
		fmt.Fprintf(o.err, "delete %s for good? [y/N] ", what)
		answer, _ := bufio.NewReader(o.in).ReadString('\n')
		if !strings.EqualFold(strings.TrimSpace(answer), "y") {
			return errors.New("nothing was deleted")
		}
	}
	_, err := trash.Delete(ctx, st, runs...)
	return err
}

// distinct leaves out runs that were named before, by another name.
func distinct(runs []*store.Run) []store.RunInfo {
	var list []store.RunInfo
	for _, r := range runs {
		if !slices.ContainsFunc(list, func(other store.RunInfo) bool { return other.ID == r.ID }) {
			list = append(list, r.RunInfo)
		}
	}
	return list
}
