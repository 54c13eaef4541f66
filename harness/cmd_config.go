package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/config"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check and print configs, print their schema",
		Example: "  harness config show configs/fm_mnist.yaml --set seed=1\n  harness config schema > harness.schema.json",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShowCommand(a), newConfigCheckCommand(a), newConfigSchemaCommand(a), newConfigKeysCommand(a))
	return cmd
}

func newConfigShowCommand(a *app) *cobra.Command {
	var sets []string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show CONFIG", Short: "Print a config with its base, overrides and defaults filled in",
		Example: "  harness config show configs/ddpm_mnist.yaml --set train.lr=0.0005",
		Args:    exactly(1, "one CONFIG file"),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := config.Load(args[0], sets)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]any{"config": r.Config, "hash": r.Hash, "overrides": append([]string{}, r.Overrides...)})
			}
			_, err = fmt.Fprintf(a.out, "# hash %s\n%s", r.Hash, r.YAML)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&sets, "set", nil, "override a value: path=value (repeatable)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newConfigCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "check CONFIG…", Short: "Check configs; says nothing if they are fine",
		Long: `Check configs. What is wrong ends with exit code 2; what is valid and yet
questionable, such as a measurement of few images, is a warning.`,
		Example: "  harness config check configs/*.yaml",
		Args:    atLeast(1, "at least one CONFIG file"),
		RunE: func(_ *cobra.Command, args []string) error {
			var last error
			for _, path := range args {
				r, err := config.Load(path, nil)
				if err != nil {
					fmt.Fprintf(a.err, "harness: %v\n", err)
					last = &quietError{err}
					continue
				}
				a.warnOfConfig(r)
			}
			return last
		},
	}
}

// warnOfConfig tells what is valid and yet questionable.
func (a *app) warnOfConfig(r *config.Resolved) {
	for _, w := range r.Warnings {
		fmt.Fprintf(a.err, "warning: %s\n", clean(w.String()))
	}
}

func newConfigSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of configs, for editors",
		Example: "  harness config schema > harness.schema.json",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s\n", schema)
			return err
		},
	}
}

func newConfigKeysCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "List every key of a config, what it may hold and what it means",
		Long:    "List every key of a config, what it may hold and what it means, as Markdown.",
		Example: "  harness config keys | less",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, config.Reference())
			return err
		},
	}
}
