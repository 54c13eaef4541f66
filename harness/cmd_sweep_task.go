package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/task"
)

type sweepTaskOptions struct {
	*app
	stopAfter int
	array     string
}

// newSweepTaskCommand is what a launcher starts; people have no use for it.
func newSweepTaskCommand(a *app) *cobra.Command {
	o := &sweepTaskOptions{app: a}
	cmd := &cobra.Command{
		Use:    "task FOLDER TASK",
		Short:  "Make the runs of one task of a sweep",
		Hidden: true,
		Long: `Make the runs of one task, as launchers do. FOLDER is that of the sweep, TASK the
name of a file in its folder tasks. It stops, with a checkpoint, at SIGTERM and
when its standard input ends.`,
		Example: "  harness sweep task runs/sweeps/fm_vs_ddpm 0123456789abcdef",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.array == "" && len(args) != 2:
				return usagef("expected a FOLDER and a TASK, got %s", quoted(args))
			case o.array != "" && len(args) != 1:
				return usagef("expected a FOLDER, got %s", quoted(args))
			}
			return o.run(cmd.Context(), sweep.Folder(args[0]), args[1:])
		},
	}
	cmd.Flags().IntVar(&o.stopAfter, "stop-after", 0, "pause training after this update")
	pathVar(cmd.Flags(), &o.array, "array", "make the task of this file that $SLURM_ARRAY_TASK_ID names, record into a store of its own, "+
		"and leave the standard input alone")
	return cmd
}

func (o *sweepTaskOptions) run(ctx context.Context, folder sweep.Folder, args []string) error {
	var key, storePath string
	if o.array != "" {
		index, err := strconv.Atoi(os.Getenv("SLURM_ARRAY_TASK_ID"))
		if err != nil {
			return usagef("--array is for the tasks of a job array: SLURM_ARRAY_TASK_ID is %q", os.Getenv("SLURM_ARRAY_TASK_ID"))
		}
		if key, err = launch.ReadArray(o.array, index); err != nil {
			return err
		}
		storePath = folder.ShardPath(key)
	} else {
		key, storePath = args[0], o.storePath("")
		ctx = untilEOF(ctx, o.in)
	}
	spec, err := folder.ReadTask(key)
	if err != nil {
		return err
	}
	return task.Run(ctx, spec, task.Options{Folder: folder, StorePath: storePath, StopAfter: o.stopAfter, Argv: o.argv,
		Log: func(message string) { fmt.Fprintln(o.err, strings.TrimSpace(clean(message))) }})
}

// untilEOF returns a context that ends when the reader does: a worker whose
// sweep is gone stops. Its goroutine ends with the program at the latest.
func untilEOF(ctx context.Context, in io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, err := io.Copy(io.Discard, in)
		if err == nil || errors.Is(err, os.ErrClosed) {
			cancel()
		}
	}()
	return ctx
}
