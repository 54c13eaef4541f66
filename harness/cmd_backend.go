package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/terminal"
)

func newBackendCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "backend", Short: "List backends, install an XLA plugin",
		Example: "  harness backend install cpu\n  harness backend list",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBackendListCommand(a), newBackendInstallCommand(a))
	return cmd
}

// backendState is whether a backend can be opened here.
type backendState struct {
	Name  string        `json:"name"`
	OK    bool          `json:"ok"`
	Info  *backend.Info `json:"info,omitempty"`
	Error string        `json:"error,omitempty"`
}

// tryBackend opens a backend and closes it again.
func tryBackend(name, plugin string) backendState {
	state := backendState{Name: name}
	err := backend.Catch(func() error {
		b, err := backend.Open(backend.Options{Name: name, Plugin: plugin})
		if err != nil {
			return err
		}
		state.Info = &b.Info
		b.Finalize()
		return nil
	})
	if err != nil {
		state.Error = errorText(err)
	}
	state.OK = err == nil
	return state
}

func newBackendListCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the backends and whether each works here",
		Example: "  harness backend list --json",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			var states []backendState
			for _, name := range backend.Names() {
				if name != backend.Auto {
					states = append(states, tryBackend(name, ""))
				}
			}
			if asJSON {
				return a.printJSON(states)
			}
			t := terminal.NewTable("backend", "works", "")
			for _, s := range states {
				note := s.Error
				if s.OK {
					note = s.Info.PluginPath
				}
				t.Add(s.Name, yesNo(s.OK), note)
			}
			t.Print(a.out)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects")
	return cmd
}

func newBackendInstallCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "install cpu|cuda", Short: "Install an XLA plugin into the user's cache",
		Long: `Install the XLA plugin for the CPU or for NVIDIA GPUs: with go-xla's own
installer where the network allows, else from the plugin's Python package, with
pip. Nothing is done if there is one already.`,
		Example:   "  harness backend install cpu",
		Args:      exactly(1, "cpu or cuda"),
		ValidArgs: []string{"cpu", "cuda"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "cpu" && args[0] != "cuda" {
				return usagef("there is a plugin for cpu and one for cuda, not for %q", args[0])
			}
			path, err := backend.Install(cmd.Context(), args[0], a.err)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]string{"kind": args[0], "plugin": path})
			}
			fmt.Fprintln(a.out, path)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
