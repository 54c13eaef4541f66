package main

import (
	"github.com/spf13/cobra"

	"flowharness/harness/internal/sweep"
)

func newSweepSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of sweep files, for editors",
		Example: "  harness sweep schema > sweep.schema.json",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			schema, err := sweep.Schema()
			if err != nil {
				return err
			}
			_, err = a.out.Write(schema)
			return err
		},
	}
}
