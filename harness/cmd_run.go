package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

type runOptions struct {
	*app
	sets    []string
	resume  string
	from    string
	backend string
	json    bool
}

func newRunCommand(a *app) *cobra.Command {
	o := &runOptions{app: a}
	cmd := &cobra.Command{
		Use:   "run CONFIG | run [CONFIG] --from RUN | run --resume RUN",
		Short: "Train, sample and record one run",
		Long: `Train the model that CONFIG describes, draw its sample grids, and record the run.

Ctrl-C (or SIGTERM) finishes the step, writes a checkpoint and ends the run as
"interrupted"; a second one quits at once. --resume continues a run that was
interrupted, killed or failed: its series are those of an uninterrupted run.

--resume RUN --set train.epochs=60 (or train.steps) trains a run for longer than
its config said: a new run, whose parent it is, counts on from its latest
checkpoint. With a constant learning rate its numbers are those of one longer
run; with a cosine, the command says what becomes of it.

--from RUN[@STEP] begins a new run with the weights of another, its optimizer
state and averaged weights, and a schedule of its own. Without a CONFIG it is that
run's, with what --set changes. A FILE of weights serves as well; the config
key for both is train.init_from.

Exit codes: 0 done, 1 failure, 2 wrong usage or config, 3 diverged, 130 interrupted.`,
		Example: `  harness run configs/quickstart.yaml
  harness run configs/fm_mnist.yaml --set train.epochs=1 --set sampling.steps=[4,16]
  harness run --resume @1
  harness run --resume brave-otter-42 --set train.epochs=60
  harness run --from brave-otter-42@2000 --set train.lr=1e-4 --set train.ema_decay=0.999`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.resume != "" && (len(args) > 0 || o.from != "" || o.backend != ""):
				return usagef("--resume continues a recorded run as it was: give no CONFIG, --from or --backend with it")
			case o.resume != "":
				if err := o.checkBudget(); err != nil {
					return err
				}
			case len(args) > 1 || len(args) == 0 && o.from == "":
				return usagef("expected one CONFIG file, or --from RUN, or --resume RUN")
			}
			return o.run(cmd.Context(), args)
		},
		ValidArgsFunction: completeConfigs,
	}
	cmd.Flags().StringArrayVar(&o.sets, "set", nil, "override a value of the config: path=value (repeatable)")
	cmd.Flags().StringVar(&o.resume, "resume", "", "continue this RUN from its latest checkpoint")
	cmd.Flags().StringVar(&o.from, "from", "", "begin with the weights of this RUN, RUN@STEP or FILE.safetensors")
	cmd.Flags().StringVar(&o.backend, "backend", "", "auto, xla:cpu, xla:cuda or go; short for --set backend.name=…")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the summary as JSON")
	_ = cmd.RegisterFlagCompletionFunc("resume", a.completeRuns)
	_ = cmd.RegisterFlagCompletionFunc("from", a.completeRuns)
	return cmd
}

func (o *runOptions) run(ctx context.Context, args []string) error {
	progress := newRunProgress(o.err, 10)
	defer func() { progress.close() }()
	exp := experiment.Options{
		Argv: o.argv,
		Warn: func(message string) { progress.warn(message) },
		Started: func(s experiment.Started) {
			what := "run"
			switch {
			case s.Parent != nil && s.Resumed > 0:
				what = fmt.Sprintf("going on from step %d of %s, run", s.Resumed, s.Parent.Slug)
			case s.Parent != nil:
				what = fmt.Sprintf("beginning with the weights of %s, run", s.Parent.Slug)
			case s.Resumed > 0:
				what = fmt.Sprintf("resuming at step %d, run", s.Resumed)
			}
			fmt.Fprintf(o.err, "%s %s (%s) on %s, %s of %s\n", what, s.Run.Slug, clean(s.Run.Name), s.Backend.Name,
				printable.Count(s.Data.N, "image"), s.Data.Name)
			progress = newRunProgress(o.err, s.LogEverySeconds)
		},
		Observe: func(e train.Event) { progress.event(e) },
	}
	out, err := o.start(ctx, args, &exp)
	progress.close()
	if out.Run == nil {
		return err
	}
	if e := o.summary(ctx, exp.StorePath, out, err); e != nil {
		return errors.Join(err, e)
	}
	return err
}

// checkBudget refuses to change more of a run that goes on than its budget.
func (o *runOptions) checkBudget() error {
	for _, set := range o.sets {
		if !experiment.IsBudget(set) {
			key, _, _ := strings.Cut(set, "=")
			return usagef("--resume RUN goes on with the run's own config: of it only %s can be set, not %s\nto begin a new run with its "+
				"weights and another %s, type: harness run --from %s --set %s",
				strings.Join(experiment.BudgetKeys(), " or "), key, key, o.resume, printable.ShellWord(set))
		}
	}
	if len(o.sets) > 1 {
		return usagef("give the run one budget: %s", strings.Join(experiment.BudgetKeys(), " or "))
	}
	return nil
}

func (o *runOptions) start(ctx context.Context, args []string, exp *experiment.Options) (experiment.Outcome, error) {
	if o.resume != "" {
		exp.StorePath = o.storePath("")
		if len(o.sets) > 0 {
			return experiment.Longer(ctx, o.resume, o.sets[0], *exp)
		}
		out, err := experiment.Resume(ctx, o.resume, *exp)
		return out, withAdvice(err)
	}
	cfg, err := o.config(ctx, args)
	if err != nil {
		return experiment.Outcome{}, err
	}
	o.warnOfConfig(cfg)
	exp.StorePath = o.storePath(cfg.Config.Store)
	return experiment.Start(ctx, cfg, *exp)
}

// config reads the config of a new run.
func (o *runOptions) config(ctx context.Context, args []string) (*config.Resolved, error) {
	if o.backend != "" {
		o.sets = append(o.sets, "backend.name="+o.backend)
	}
	if len(args) == 0 {
		return experiment.Again(ctx, o.storePath(""), o.from, o.sets)
	}
	if o.from != "" {
		o.sets = append(o.sets, "train.init_from="+strconv.Quote(o.from))
	}
	return config.Load(args[0], o.sets)
}

// withAdvice says what to type where a run cannot be resumed.
func withAdvice(err error) error {
	var finished *experiment.FinishedError
	if !errors.As(err, &finished) {
		return err
	}
	r := finished.Run
	return fmt.Errorf("%w\nto train it longer, as a new run, type: harness run --resume %s --set train.steps=%d\n"+
		"to begin another run with its weights, type: harness run --from %s --set train.lr=…", err, r.Slug, 2*r.TotalSteps, r.Slug)
}

// summary ends a run: what it reached, where the pictures are, how to go on.
func (o *runOptions) summary(ctx context.Context, storePath string, out experiment.Outcome, runErr error) error {
	ctx = context.WithoutCancel(ctx)
	r := out.Run
	grid := ""
	if n := len(out.Result.Samples); n > 0 {
		grid = filepath.Join(experiment.CheckpointDir(storePath, r.ID), "grid.png")
		if err := writeGrid(grid, out.Result.Samples[n-1].PNG); err != nil {
			return err
		}
	}
	if err := o.printEnd(ctx, storePath, out, grid); err != nil {
		return err
	}
	switch {
	case errors.Is(runErr, train.ErrInterrupted):
		fmt.Fprintf(o.err, "interrupted after step %d; to go on, type: harness run --resume %s\n", r.LastStep, r.Slug)
	case r.Status == record.StatusDiverged && hasOwnWeights(storePath, r):
		fmt.Fprintf(o.err, "diverged after step %d; to begin a new run with its last good weights, type: harness run --from %s --set "+
			"train.lr=…\n", r.LastStep, r.Slug)
	case r.Status == record.StatusFailed:
		fmt.Fprintf(o.err, "failed after step %d; to go on when the cause is removed, type: harness run --resume %s\n", r.LastStep, r.Slug)
	}
	return nil
}

// hasOwnWeights tells whether a run has a checkpoint of after its first step.
func hasOwnWeights(storePath string, r *store.Run) bool {
	steps, err := checkpoint.Steps(experiment.CheckpointDir(storePath, r.ID))
	return err == nil && len(steps) > 0 && steps[len(steps)-1] > 0
}

// printEnd prints the run as it ended.
func (o *runOptions) printEnd(ctx context.Context, storePath string, out experiment.Outcome, grid string) error {
	r := out.Run
	if o.json {
		end := map[string]any{"id": r.ID, "slug": r.Slug, "name": r.Name, "status": r.Status, "config_hash": r.ConfigHash, "seed": r.Seed,
			"step": r.LastStep, "loss": nil, "loss_last100": nil, "grid": grid, "store": storePath}
		if r.Loss != nil {
			end["loss"], end["loss_last100"] = number(r.Loss.Last), number(out.Result.Last100)
		}
		return o.printJSON(end)
	}
	st, err := store.Open(ctx, storePath)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := o.printRun(ctx, st, r); err != nil {
		return err
	}
	if grid != "" {
		fmt.Fprintf(o.out, "\ngrid: %s\n", grid)
	}
	return nil
}

func writeGrid(path string, png []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return files.Write(path, png)
}
