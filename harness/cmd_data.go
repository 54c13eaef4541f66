package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/plane"
	"flowharness/harness/internal/terminal"
)

func newDataCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", Short: "List, download and look at datasets",
		Example: "  harness data list\n  harness data fetch mnist\n  harness data sheet digits digits.png\n" +
			"  harness data info configs/folder_fm.yaml --set data.dir=pictures",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataListCommand(a), newDataFetchCommand(a), newDataSheetCommand(a), newDataInfoCommand(a))
	return cmd
}

func newDataListCommand(a *app) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the datasets and where they are",
		Example: "  harness data list --dir ~/datasets",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			locations, err := locateAll(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(locations)
			}
			t := terminal.NewTable("dataset", "there", "where")
			for _, l := range locations {
				where := l.Dir
				switch {
				case l.Own:
					where = "your own: see harness config keys data"
				case l.Present && l.Dir == "":
					where = "drawn by the program"
				case !l.Present:
					where = "to download it: harness data fetch " + l.Name
				}
				there := yesNo(l.Present)
				if l.Own {
					there = ""
				}
				t.Add(l.Name, there, where)
			}
			t.Print(a.out)
			return nil
		},
	}
	pathVar(cmd.Flags(), &dir, "dir", "the folder that holds the files, or has a folder of each dataset (default: $HARNESS_DATA_DIR, "+
		"then the user's cache)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects")
	return cmd
}

func newDataFetchCommand(a *app) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "fetch DATASET", Short: "Download a dataset and verify it",
		Long: "Download a dataset's files from public mirrors, into the user's cache or --dir. An interrupted download goes on where " +
			"it stopped.",
		Example:   "  harness data fetch mnist\n  harness data fetch fashion_mnist --dir data/fashion_mnist",
		Args:      exactly(1, "one DATASET"),
		ValidArgs: dataset.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownDataset(args[0]); err != nil {
				return err
			}
			place, err := a.fetch(cmd.Context(), args[0], dir)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(map[string]string{"dataset": args[0], "dir": place})
			}
			fmt.Fprintln(a.out, place)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	pathVar(cmd.Flags(), &dir, "dir", "put the files here")
	return cmd
}

func (a *app) fetch(ctx context.Context, name, dir string) (string, error) {
	meter := terminal.NewMeter(a.err, terminal.Bytes, terminal.Never)
	current := ""
	defer func() { meter.Close() }()
	return dataset.Fetch(ctx, name, dir, func(file string, done, total int64) {
		if file != current {
			current = file
			meter.Close()
			meter = terminal.NewMeter(a.err, terminal.Bytes, terminal.Never)
			if !a.err.Terminal() {
				fmt.Fprintf(a.err, "downloading %s\n", file)
			}
		}
		meter.Set(float64(done), float64(total), file)
	})
}

// pointsSheet draws the first points of a split, each in the colour of its class.
func pointsSheet(ctx context.Context, name, split string) ([]byte, error) {
	const shown = 4000
	d, err := dataset.Open(ctx, dataset.Options{Name: name, Split: split, Limit: shown})
	if err != nil {
		return nil, err
	}
	classes := make([]int, d.N)
	for i, class := range d.Labels {
		classes[i] = int(class)
	}
	return plane.EncodeData(d.Values, classes)
}

func knownDataset(name string) error {
	if !slices.Contains(dataset.Names(), name) {
		return usagef("there is no dataset %q; use one of: %s", name, strings.Join(dataset.Names(), ", "))
	}
	return nil
}

func locateAll(dir string) ([]dataset.Location, error) {
	var found []dataset.Location
	for _, name := range dataset.Names() {
		l, err := dataset.Locate(name, dir)
		if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
