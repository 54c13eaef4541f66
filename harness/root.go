package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
	"flowharness/harness/internal/train"
)

// Exit codes of every command.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitDiverged    = 3
	exitGate        = 4
	exitDiffers     = 5
	exitInterrupted = 130
)

const rootHelp = `harness trains diffusion models from YAML configs, records everything about
each run in one SQLite store, and compares the runs.

RUN is an id, an unambiguous beginning of one, a sayable name such as
brave-otter-42, a config's name (its latest run), @1 for the last run, @2 for
the one before.

Exit codes: 0 done, 1 failure, 2 wrong usage or config, 3 training diverged, 4 a
gate failed (compare --fail-if), 5 a repeated run differs (verify), 130
interrupted (a checkpoint was written; run --resume continues).`

// streams are the standard streams: stdout is data, stderr is talk.
type streams struct {
	in         io.Reader
	out, err   terminal.Output
	inTerminal bool // a person can be asked
}

// app is what every command can use.
type app struct {
	streams
	storeFlag string
	argv      []string
}

// run carries out a command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	defer dataset.Attend(ctx, (&preparing{out: s.err}).show)()
	out := &checkedWriter{Writer: s.out.Writer}
	s.out.Writer = out
	a := &app{streams: s, argv: append([]string{"harness"}, args...)}
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("writing the output: %w", files.Reason(out.err))
	}
	if err == nil {
		return 0
	}
	var quiet *quietError
	if !errors.As(err, &quiet) {
		fmt.Fprintf(s.err, "harness: %s\n", errorText(err))
	}
	code := exitCode(err)
	var usage *usageError
	if errors.As(err, &usage) || fault.Of(err) == fault.Invalid {
		fmt.Fprintf(s.err, "see: %s --help\n", cmd.CommandPath())
	}
	return code
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "harness", Short: "Train, sample and compare diffusion models", Long: rootHelp,
		Example:       "  harness run configs/quickstart.yaml\n  harness list\n  harness compare @2 @1",
		SilenceErrors: true, SilenceUsage: true,
		Args: knownCommand, PersistentPreRunE: expandHome,
		Version: commitOf(machine.BuildGit()),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	pathVar(root.PersistentFlags(), &a.storeFlag, "store", "store file (default $HARNESS_STORE, or runs/harness.db)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(
		newRunCommand(a),
		newSweepCommand(a),
		newSampleCommand(a),
		newEvaluateCommand(a),
		newListCommand(a),
		newShowCommand(a),
		newWatchCommand(a),
		newCompareCommand(a),
		newUICommand(a),
		newVerifyCommand(a),
		newBaselineCommand(a),
		newLogsCommand(a),
		newArchiveCommand(a),
		newRmCommand(a),
		newTagCommand(a),
		newMergeCommand(a),
		newExportCommand(a),
		newImportCommand(a),
		newWeightsCommand(a),
		newConfigCommand(a),
		newDataCommand(a),
		newMetricsCommand(a),
		newBackendCommand(a),
		newCacheCommand(a),
		newBenchCommand(a),
		newDoctorCommand(a),
		newVersionCommand(a),
	)
	root.SetHelpCommand(newHelpCommand())
	a.completeFlags(root)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			addCompletionExamples(cmd)
		}
	}
	return root
}

// newHelpCommand is cobra's help, but for an unknown command it fails.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Print the help of a command",
		Example: "  harness help run",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usagef("%w", err)
			}
			if len(rest) > 0 {
				return knownCommand(target, rest)
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// addCompletionExamples completes the command that cobra brings along: the
// texts of its subcommands are written for every program.
func addCompletionExamples(completion *cobra.Command) {
	completion.Example = "  harness completion bash > /etc/bash_completion.d/harness"
	completion.Args = knownCommand
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range completion.Commands() {
		shell.Example = fmt.Sprintf("  harness completion %s", shell.Name())
		shell.Args = exactly(0, "no arguments")
		if shell.Name() == "bash" {
			shell.RunE, shell.Long = completionForBash, bashCompletionHelp
		}
	}
}

// usageError is a command line that makes no sense; it points to --help.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// quietError is a failure that the command has already told about.
type quietError struct{ err error }

func (e *quietError) Error() string { return e.err.Error() }
func (e *quietError) Unwrap() error { return e.err }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var (
		usage    *usageError
		configs  *config.Errors
		diverged *train.DivergedError
		gate     *gateError
		differs  *differsError
	)
	switch {
	case errors.As(err, &usage), errors.As(err, &configs), fault.Of(err) == fault.Invalid:
		return exitUsage
	case errors.As(err, &diverged):
		return exitDiverged
	case errors.As(err, &gate):
		return exitGate
	case errors.As(err, &differs):
		return exitDiffers
	case errors.Is(err, train.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitFailure
	}
}

// storePath is the store that a command uses: the flag, the environment, the
// config's, or the default. A symbolic link is followed: checkpoints lie beside the
// store itself.
func (a *app) storePath(fromConfig string) string {
	for _, path := range []string{a.storeFlag, os.Getenv(storeEnv), fromConfig} {
		if path != "" {
			return files.FollowLink(path)
		}
	}
	return filepath.Join("runs", "harness.db")
}

// openStore opens a store that must exist. One that cannot be written is opened
// for reading: what only looks at runs works on it, and the rest says why not.
func (a *app) openStore(ctx context.Context) (*store.Store, error) {
	path := a.storePath("")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no store at %s: run something first, or name another with --store or $HARNESS_STORE", path)
	}
	return store.OpenExisting(ctx, path)
}

// withRuns resolves references and calls use with the open store.
func (a *app) withRuns(ctx context.Context, refs []string, use func(*store.Store, []*store.Run) error) error {
	st, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	runs := make([]*store.Run, 0, len(refs))
	for _, ref := range refs {
		r, err := st.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	return use(st, runs)
}

// knownCommand refuses what is left over where a command's name is expected.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, ", "))
	}
	return usagef("%s has no command %q%s", cmd.CommandPath(), args[0], hint)
}

// exclusive refuses flags that make no sense together.
func exclusive(cmd *cobra.Command, flags ...string) error {
	var given []string
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 1 {
		return usagef("%s exclude each other", strings.Join(given, " and "))
	}
	return nil
}

// exactly and atLeast are cobra's argument checks with the words of this
// program and its exit code.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("expected %s, got %s", what, quoted(args))
		}
		return nil
	}
}

// quoted lists arguments as they were given.
func quoted(args []string) string {
	if len(args) == 0 {
		return "none"
	}
	list := make([]string, len(args))
	for i, arg := range args {
		list[i] = strconv.Quote(arg)
	}
	return strings.Join(list, " ")
}

func atLeast(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("expected %s", what)
		}
		return nil
	}
}

// completeRuns completes RUN arguments from the store.
func (a *app) completeRuns(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	st, err := a.openStore(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer st.Close()
	infos, err := st.ListRuns(cmd.Context(), store.Filter{Limit: 100})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	for _, r := range infos {
		if strings.HasPrefix(r.Slug, toComplete) {
			found = append(found, r.Slug+"\t"+r.Name)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
