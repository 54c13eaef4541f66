package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/terminal"
)

// dataChoice says which data to look at: that of a config, or a dataset by its name and keys.
type dataChoice struct {
	dir  string
	sets []string
}

func (c *dataChoice) addFlags(cmd *cobra.Command) {
	pathVar(cmd.Flags(), &c.dir, "dir", "the folder that holds the files, or has a folder of each dataset (default: $HARNESS_DATA_DIR, "+
		"then the user's cache); of image_folder: the pictures")
	cmd.Flags().StringArrayVar(&c.sets, "set", nil, "KEY=VALUE of the config, such as data.size=32; may be repeated")
}

// data reads the section data of a config, or makes one of a dataset's name.
func (c *dataChoice) data(what string) (config.Config, error) {
	sets := c.sets
	if c.dir != "" {
		dir, err := filepath.Abs(c.dir)
		if err != nil {
			return config.Config{}, err
		}
		sets = append([]string{fmt.Sprintf("data.dir=%q", dir)}, sets...)
	}
	if ext := filepath.Ext(what); ext == ".yaml" || ext == ".yml" {
		r, err := config.Load(what, sets)
		if err != nil {
			return config.Config{}, err
		}
		return r.Config, nil
	}
	if err := knownDataset(what); err != nil {
		return config.Config{}, err
	}
	// A network that takes images of any size.
	text := fmt.Sprintf("data: {name: %s, drop_last: false}\nmodel: {name: mlp}\ntrain: {steps: 1, batch_size: 1}", what)
	r, err := config.Parse(what, []byte(text), sets)
	if err != nil {
		return config.Config{}, err
	}
	return r.Config, nil
}

func newDataSheetCommand(a *app) *cobra.Command {
	var choice dataChoice
	var split string
	var force bool
	cmd := &cobra.Command{
		Use: "sheet DATASET|CONFIG FILE", Short: "Write the first images of a dataset, at most 200, to a PNG file; of points in the plane 4000",
		Example: "  harness data sheet digits digits.png\n  harness data sheet image_folder sheet.png --dir pictures --set data.size=64",
		Args:    exactly(2, "DATASET (or CONFIG.yaml) and FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if split != "train" && split != "test" {
				return usagef("--split is train or test, not %q", split)
			}
			sheet := outFile{args[1], files.PNG, force}
			if err := sheet.check(); err != nil {
				return err
			}
			c, err := choice.data(args[0])
			if err != nil {
				return err
			}
			if c.Spec().Points {
				png, err := pointsSheet(cmd.Context(), c.Data.Name, split)
				if err != nil {
					return err
				}
				return sheet.write(png)
			}
			n := grid.SheetImages(c.Spec(), c.Spec().Images(split))
			if n == 0 {
				return fmt.Errorf("dataset %s has no %s images", c.Data.Name, split)
			}
			d, err := dataset.Open(cmd.Context(), c.Data.Options(split, n))
			if err != nil {
				return err
			}
			png, err := grid.Sheet(d)
			if err = errors.Join(err, d.Close()); err != nil {
				return err
			}
			return sheet.write(png)
		},
	}
	choice.addFlags(cmd)
	cmd.Flags().StringVar(&split, "split", "train", "train or test")
	addForce(cmd, &force)
	return cmd
}

func newDataInfoCommand(a *app) *cobra.Command {
	var choice dataChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use: "info DATASET|CONFIG", Short: "Say what a dataset holds: images, classes, mean, duplicates",
		Example: "  harness data info digits\n  harness data info image_folder --dir pictures --set data.size=64\n" +
			"  harness data info configs/folder_fm.yaml --set data.dir=pictures --json",
		Args: exactly(1, "one DATASET (or CONFIG.yaml)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := choice.data(args[0])
			if err != nil {
				return err
			}
			if c.Spec().Points {
				return usagef("%s are points in the plane, drawn for ever: there are no images to describe", c.Data.Name)
			}
			info, err := describe(cmd.Context(), c.Data)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(info)
			}
			a.printInfo(info)
			return nil
		},
	}
	choice.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func describe(ctx context.Context, data config.Data) (info *dataset.Info, err error) {
	train, err := dataset.Open(ctx, data.Options("train", 0))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, train.Close()) }()
	test, err := dataset.Open(ctx, data.Options("test", 0))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, test.Close()) }()
	return dataset.Describe(ctx, train, test)
}

func (a *app) printInfo(i *dataset.Info) {
	line := func(key, format string, args ...any) {
		fmt.Fprintf(a.out, "%-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	line("dataset", "%s", i.Name)
	if i.Dir != "" {
		line("folder", "%s", clean(i.Dir))
	}
	line("images", "%d×%d, %s", i.Height, i.Width, map[bool]string{true: "grey", false: "in colour"}[i.Channels == 1])
	for _, s := range []struct {
		name string
		dataset.SplitInfo
	}{{"train", i.Train}, {"test", i.Test}} {
		line(s.name, "%d images, SHA-256 %.12s", s.Images, s.SHA256)
		if s.Images > 0 {
			line("", "mean %s, deviation %s, of values from 0 to 1", decimals(s.Mean), decimals(s.Deviation))
			line("", "%d equal another one of this split", s.Repeated)
		}
	}
	line("both", "%d test images are in the training split, too", i.Shared)
	if i.Classes == 0 {
		line("classes", "none")
		return
	}
	fmt.Fprintln(a.out)
	t := terminal.NewTable("class", "name", "train", "test")
	for c := range i.Classes {
		name := ""
		if c < len(i.ClassNames) {
			name = i.ClassNames[c]
		}
		t.Add(fmt.Sprint(c), name, fmt.Sprint(i.Train.PerClass[c]), fmt.Sprint(i.Test.PerClass[c]))
	}
	t.Print(a.out)
}

func decimals(values []float64) string {
	var text []string
	for _, v := range values {
		text = append(text, fmt.Sprintf("%.4f", v))
	}
	return strings.Join(text, " ")
}
