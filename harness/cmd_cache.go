package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/compiled"
	"flowharness/harness/internal/printable"
)

func newCacheCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "cache", Short: "Show the compiled programs that are kept, or remove them",
		Long: `Show the cache of compiled programs, from which a run starts without compiling.
Results are the same to the bit with and without it. $HARNESS_CACHE says how much
it may hold, such as 500MB (default 2GiB); what was not used for the longest time goes.
HARNESS_CACHE=0, or backend.cache: false in a config, turns it off.`,
		Example: "  harness cache\n  harness cache clear",
		Args:    knownCommand,
		RunE: func(*cobra.Command, []string) error {
			state := compiled.Inspect()
			if asJSON {
				return a.printJSON(state)
			}
			fmt.Fprintln(a.out, cacheText(state))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(newCacheClearCommand(a))
	return cmd
}

func newCacheClearCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "clear", Short: "Remove all compiled programs that are kept",
		Example: "  harness cache clear",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			cache, err := compiled.Open(compiled.Dir(), 0, nil)
			if err != nil {
				return err
			}
			programs, size, err := cache.Clear()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "removed %s, %s\n", printable.Count(programs, "compiled program"), bytesText(size))
			return nil
		},
	}
}

// cacheText says in a line what the cache holds.
func cacheText(s compiled.State) string {
	if s.Problem != "" {
		return fmt.Sprintf("%s: not used: %s", s.Dir, s.Problem)
	}
	if s.Limit == 0 {
		return fmt.Sprintf("%s: turned off by %s", s.Dir, compiled.LimitEnv)
	}
	return fmt.Sprintf("%s: %s, %s of at most %s", s.Dir, printable.Count(s.Programs, "compiled program"), bytesText(s.Bytes),
		bytesText(s.Limit))
}
