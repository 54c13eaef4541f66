package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/task"
)

type sweepTaskOptions struct {
	*app
	stopAfter int
	shard     bool
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
		Args:    exactly(2, "a FOLDER and a TASK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), sweep.Folder(args[0]), args[1])
		},
	}
	cmd.Flags().IntVar(&o.stopAfter, "stop-after", 0, "pause training after this update")
	cmd.Flags().BoolVar(&o.shard, "shard", false, "record into a store of the task's own, and do not watch the standard input")
	return cmd
}

func (o *sweepTaskOptions) run(ctx context.Context, folder sweep.Folder, key string) error {
	spec, err := folder.ReadTask(key)
	if err != nil {
		return err
	}
	storePath := o.storePath("")
	if o.shard {
		storePath = folder.ShardPath(key)
	} else {
		ctx = untilEOF(ctx, o.in)
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
