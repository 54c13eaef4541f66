package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/terminal"
	"flowharness/harness/internal/train"
)

type sampleOptions struct {
	*app
	drawFlags
	grid  string
	force bool
	json  bool
}

// drawFlags say what to draw from a run's checkpoint.
type drawFlags struct {
	samplers   []string
	steps      []int
	guidance   []float64
	seed       uint64
	ema        bool
	checkpoint string
}

func newSampleCommand(a *app) *cobra.Command {
	o := &sampleOptions{app: a}
	cmd := &cobra.Command{
		Use:   "sample RUN",
		Short: "Draw grids from a run's checkpoint and record them on it",
		Long: `Draw a grid for every sampler × steps × guidance given, from the run's latest
checkpoint, and record each on the run. What is not given is taken from the
run's config. Grids of one --seed start from the same noise in every run. Weights
that hold NaN, as after training that diverged, are refused: name an earlier file
with --checkpoint.`,
		Example: "  harness sample @1 --sampler heun --steps 8 --guidance 2\n  harness sample brave-otter-42 --steps 4,8,16 " +
			"--grid heun.png",
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.drawFlags.add(cmd)
	pathVar(cmd.Flags(), &o.grid, "grid", "also write the last grid to this PNG file")
	addForce(cmd, &o.force)
	cmd.Flags().BoolVar(&o.json, "json", false, "print what was drawn as JSON")
	return cmd
}

func (o *sampleOptions) run(cmd *cobra.Command, ref string) error {
	grid := outFile{o.grid, files.PNG, o.force}
	if err := grid.check(); err != nil {
		return err
	}
	so, err := o.drawFlags.options(cmd)
	if err != nil {
		return err
	}
	progress := newRunProgress(o.err, 10)
	run, samples, err := experiment.Sample(cmd.Context(), ref, so, experiment.Options{StorePath: o.storePath(""), Argv: o.argv,
		Observe: progress.event, Warn: progress.warn})
	progress.close()
	if err != nil {
		return err
	}
	if o.grid != "" && len(samples) > 0 {
		if err := grid.write(samples[len(samples)-1].PNG); err != nil {
			return err
		}
	}
	return o.print(cmd.Context(), run.Slug, samples)
}

func (o *sampleOptions) print(_ context.Context, slug string, samples []train.Sample) error {
	if o.json {
		rows := make([]map[string]any, 0, len(samples))
		for _, s := range samples {
			j := s.Drawing.JSON()
			j["run"], j["images_per_second"] = slug, s.ImagesPerSecond()
			rows = append(rows, j)
		}
		return o.printJSON(rows)
	}
	t := terminal.NewTable("sampler", "steps", "guidance", "NFE", "images", "time", "images/s")
	for _, s := range samples {
		t.Add(s.Sampler, s.Steps, s.Guidance, s.NFE, s.Images, seconds(s.Seconds), fmt.Sprintf("%.1f", s.ImagesPerSecond()))
	}
	t.Print(o.out)
	return nil
}

func (d *drawFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&d.samplers, "sampler", nil,
		"sampler of the run's process: a name, or a mapping such as '{name: euler, timestep_input: index}' (repeatable)")
	cmd.Flags().IntSliceVar(&d.steps, "steps", nil, "numbers of sampling steps")
	cmd.Flags().Float64SliceVar(&d.guidance, "guidance", nil, "guidance scales")
	cmd.Flags().Uint64Var(&d.seed, "seed", 0, "seed of the noise")
	cmd.Flags().BoolVar(&d.ema, "ema", true, "use the averaged weights, where the run keeps them")
	pathVar(cmd.Flags(), &d.checkpoint, "checkpoint", "checkpoint file (default: the latest)")
}

func (d *drawFlags) options(cmd *cobra.Command) (experiment.SampleOptions, error) {
	so := experiment.SampleOptions{Steps: d.steps, Guidance: d.guidance, Checkpoint: d.checkpoint}
	for _, text := range d.samplers {
		samplers, err := config.ParseSamplers(text)
		if err != nil {
			return so, usagef("--sampler %s: %w", text, err)
		}
		so.Samplers = append(so.Samplers, samplers...)
	}
	if cmd.Flags().Changed("seed") {
		so.Seed = &d.seed
	}
	if cmd.Flags().Changed("ema") {
		so.UseEMA = &d.ema
	}
	return so, nil
}
