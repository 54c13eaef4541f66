package main

import (
	"io"
	"strings"
	"testing"

	"flowharness/harness/internal/terminal"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasAnExampleThatParses(t *testing.T) {
	newRoot := func() *cobra.Command {
		return newRootCommand(&app{streams: streams{out: terminal.To(io.Discard), err: terminal.To(io.Discard)}})
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example that shows it", cmd.CommandPath())
		}
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			words := shellWords(strings.TrimSpace(line))
			if words[0] != "harness" {
				t.Errorf("an example of %s is %q", cmd.CommandPath(), line)
				continue
			}
			target, args, err := newRoot().Find(words[1:])
			if err == nil {
				err = target.ParseFlags(args)
			}
			if err == nil {
				err = target.ValidateArgs(target.Flags().Args())
			}
			if err != nil {
				t.Errorf("the example %q of %s: %v", line, cmd.CommandPath(), err)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}

// shellWords splits a line as a shell would, as far as the examples need it: up
// to a pipe, a redirection or a comment.
func shellWords(line string) []string {
	line, _, _ = strings.Cut(line, " |")
	line, _, _ = strings.Cut(line, " >")
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}
