package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/fault"
)

// NamesOfCommandsAndFlags are those of the program.
func NamesOfCommandsAndFlags() (commands, flags map[string]bool) {
	commands, flags = map[string]bool{}, map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		}
		for _, sub := range c.Commands() {
			commands[sub.Name()] = true
			walk(sub)
		}
	}
	walk(newRootCommand(&app{}))
	return commands, flags
}

func TestEveryRemedyCanBeTyped(t *testing.T) {
	for _, action := range fault.Actions() {
		if remedies[action] == "" {
			t.Errorf("there is nothing to type for %q", action)
		}
	}
	for action, words := range remedies {
		if !slices.Contains(fault.Actions(), action) {
			t.Errorf("%q stands for no action: %s", action, words)
		}
	}
}

func TestOptionsOfAComparisonAreFlags(t *testing.T) {
	flags := newCompareCommand(&app{}).Flags()
	for _, o := range []compare.Option{compare.OptionGroupBy, compare.OptionMetric, compare.OptionSteps, compare.OptionGuidance,
		compare.OptionTarget} {
		if name := flagOf(o); flags.Lookup(strings.TrimPrefix(name, "--")) == nil {
			t.Errorf("compare has no %s", name)
		}
	}
}

func TestKindsOfErrorsHaveExitCodes(t *testing.T) {
	for _, kind := range fault.Kinds() {
		want := exitFailure
		if kind == fault.Invalid {
			want = exitUsage
		}
		if got := exitCode(fmt.Errorf("doing it: %w", fault.New(kind, "no"))); got != want {
			t.Errorf("%s: exit code %d, want %d", kind, got, want)
		}
	}
	if got := exitCode(errors.New("it broke")); got != exitFailure {
		t.Errorf("a failure: exit code %d", got)
	}
}

func TestErrorsNameFlagsAndWhatToType(t *testing.T) {
	_, err := compare.ParseTarget("loss=low")
	if got, want := errorText(fmt.Errorf("comparing: %w",
		err)), "comparing: --target loss=low: write val/loss=0.2 or accuracy=0.95"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	err = fault.WithRemedy(errors.New("the run is in the trash"), fault.TakeOutOfTrash, "calm-heron-7")
	if got, want := errorText(err), "the run is in the trash: take it out first, with harness rm --undo calm-heron-7"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	measure := compare.Warning{Text: "few images", Help: fault.Do(fault.MeasureMoreImages, "calm-heron-7", "1000")}
	if got, want := warningText(measure), "few images: harness evaluate calm-heron-7 --images 1000"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
