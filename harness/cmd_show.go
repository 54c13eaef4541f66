package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

type showOptions struct {
	*app
	series       []string
	format, file string // of series
	grid         string
	force        bool
	sampler      string
	steps        int
	guidance     float64
	config       bool
	env          bool
	json         bool

	guidanceSet bool
}

func newShowCommand(a *app) *cobra.Command {
	o := &showOptions{app: a}
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run; export a series or a grid",
		Long: `Show everything recorded about a run.

--series prints step,value lines at full precision. Of several series, of all
(--series all), or with --format it prints a table with a header: the step, the
seconds of work until then, and a column a series; as csv (the default), jsonl
(an object a line), parquet (with --out FILE) or table (for people).

--grid writes the run's last grid, or the last of the --sampler, --steps and
--guidance given, to a PNG file.`,
		Example: `  harness show @1
  harness show @1 --series train/loss > loss.csv
  harness show @1 --series train/loss --series val/loss --format table
  harness show @1 --series all --format parquet --out run.parquet
  harness show brave-otter-42 --grid grid.png --steps 50`,
		Args:              exactly(1, "one RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := exclusive(cmd, "series", "grid", "config", "env", "json"); err != nil {
				return err
			}
			if err := o.checkSeries(); err != nil {
				return err
			}
			o.guidanceSet = cmd.Flags().Changed("guidance")
			if o.grid == "" && (o.sampler != "" || o.steps != 0 || o.guidanceSet) {
				return usagef("--sampler, --steps and --guidance say which grid to write: give --grid FILE with them")
			}
			return o.withRuns(cmd.Context(), args, func(st *store.Store, runs []*store.Run) error { return o.run(cmd.Context(), st, runs[0]) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.series, "series", nil, "print this series as step,value lines; repeatable, or all: as a table")
	f.StringVar(&o.format, "format", "", "with --series: "+strings.Join(seriesFormats, ", "))
	pathVar(f, &o.file, "out", "with --series: write to this file")
	pathVar(f, &o.grid, "grid", "write a grid to this PNG file")
	addForce(cmd, &o.force)
	f.StringVar(&o.sampler, "sampler", "", "with --grid: of this sampler")
	f.IntVar(&o.steps, "steps", 0, "with --grid: of this number of steps")
	f.Float64Var(&o.guidance, "guidance", 0, "with --grid: of this guidance scale")
	f.BoolVar(&o.config, "config", false, "print the resolved config")
	f.BoolVar(&o.env, "env", false, "print the recorded environment, with the git diff, as JSON")
	f.BoolVar(&o.json, "json", false, "print everything but series and pictures as JSON")
	return cmd
}

func (o *showOptions) run(ctx context.Context, st *store.Store, r *store.Run) error {
	switch {
	case len(o.series) == 1 && o.series[0] != allSeries && o.format == "" && o.file == "":
		return o.printSeries(ctx, st, r, o.series[0])
	case len(o.series) > 0:
		return o.printSeriesTable(ctx, st, r)
	case o.grid != "":
		return o.writeGrid(ctx, st, r)
	case o.config:
		_, err := fmt.Fprint(o.out, r.ResolvedYAML)
		return err
	case o.env:
		return o.printJSON(r.Environment)
	case o.json:
		return o.printRunJSON(ctx, st, r)
	}
	return o.printRun(ctx, st, r)
}

func (o *showOptions) writeGrid(ctx context.Context, st *store.Store, r *store.Run) error {
	samples, err := st.Samples(ctx, r.ID)
	if err != nil {
		return err
	}
	for i := len(samples) - 1; i >= 0; i-- {
		s := samples[i]
		if (o.sampler != "" && s.Sampler != o.sampler) || (o.steps != 0 && s.Steps != o.steps) || (o.guidanceSet && s.Guidance != o.guidance) {
			continue
		}
		png, err := st.Image(ctx, s.ImageSHA256)
		if err != nil {
			return err
		}
		if err := (outFile{o.grid, files.PNG, o.force}).write(png); err != nil {
			return err
		}
		fmt.Fprintf(o.err, "%s: %s, %s, guidance %g, after step %d\n", o.grid, s.Sampler, printable.Count(s.Steps, "step"), s.Guidance, s.Step)
		return nil
	}
	return fmt.Errorf("run %s has no such grid (it has %d); harness sample %s draws one", r.Slug, len(samples), r.Slug)
}

func (o *showOptions) printRunJSON(ctx context.Context, st *store.Store, r *store.Run) error {
	recorded, err := readRecords(ctx, st, r.ID)
	if err != nil {
		return err
	}
	series := make([]map[string]any, 0, len(recorded.summaries))
	for _, s := range recorded.summaries {
		series = append(series, map[string]any{"name": s.Name, "count": s.Count, "last_step": s.LastStep, "last": number(s.Last),
			"min": number(s.Min), "max": number(s.Max)})
	}
	timing := make([]map[string]any, 0, len(recorded.phases))
	for _, p := range recorded.phases {
		timing = append(timing, map[string]any{"phase": p.Name, "count": p.Count, "total_seconds": p.Total, "p50_seconds": p.P50,
			"p95_seconds": p.P95, "max_seconds": p.Max})
	}
	drawn := make([]map[string]any, 0, len(recorded.samples))
	for _, s := range recorded.samples {
		j := s.Drawing.JSON()
		j["image_sha256"] = s.ImageSHA256
		drawn = append(drawn, j)
	}
	measured := make([]map[string]any, 0, len(recorded.evaluations))
	for _, e := range recorded.evaluations {
		measured = append(measured, evaluationJSON(e.EvaluationRecord))
	}
	return o.printJSON(struct {
		runJSON
		Config      string           `json:"config"`
		Source      string           `json:"source"`
		Overrides   []string         `json:"overrides"`
		Argv        []string         `json:"argv"`
		Environment json.RawMessage  `json:"environment"`
		Series      []map[string]any `json:"series"`
		Phases      []map[string]any `json:"phases"`
		Samples     []map[string]any `json:"samples"`
		Evaluations []map[string]any `json:"evaluations"`
		Checkpoints string           `json:"checkpoints"`
	}{toJSON(r.RunInfo), r.ResolvedYAML, r.SourceYAML, append([]string{},
		r.Overrides...), r.Argv, r.Environment, series, timing, drawn, measured, experiment.CheckpointDir(st.Path(), r.ID)})
}

// printRun prints a run for people; harness run ends with it too.
func (a *app) printRun(ctx context.Context, st *store.Store, r *store.Run) error {
	var env experiment.Environment
	if err := json.Unmarshal(r.Environment, &env); err != nil {
		return fmt.Errorf("run %s: its recorded environment: %w", r.Slug, err)
	}
	status := string(r.Status)
	if r.StatusReason != "" {
		status += ": " + clean(r.StatusReason)
	}
	pairs := [][2]string{
		{"run", r.Slug + "  (" + r.ID + ")"}, {"name", clean(r.Name)}, {"status", status},
		{"config", fmt.Sprintf("%.12s  seed %d  %s on %s", r.ConfigHash, r.Seed, r.Process, r.Dataset)},
		{"steps", fmt.Sprintf("%d of %d", r.LastStep, r.TotalSteps)},
		{"created", r.CreatedAt.Local().Format(time.DateTime)},
		{"backend", orNone(env.Backend.Name)},
		{"machine", fmt.Sprintf("%s, %d × %s, %s", env.Machine.Hostname, env.Machine.CPUs, env.Machine.CPUModel,
			bytesText(int64(env.Machine.MemoryBytes)))},
		{"code", commitText(env)},
		{"data", dataText(env.Dataset)},
		{"checkpoints", experiment.CheckpointDir(st.Path(), r.ID)},
	}
	if !r.ArchivedAt.IsZero() {
		pairs = append(pairs, [2]string{"archived", r.ArchivedAt.Local().Format(time.DateTime)})
	}
	if !r.DeletedAt.IsZero() {
		pairs = append(pairs, [2]string{"in the trash", "since " + r.DeletedAt.Local().Format(time.DateTime)})
	}
	if r.TrainedBy != "" {
		pairs = append(pairs, [2]string{"trained by", nameOfRun(ctx, st, r.TrainedBy)})
	}
	if r.Parent != "" {
		pairs = append(pairs, [2]string{"parent", fmt.Sprintf("%s, step %d", nameOfRun(ctx, st, r.Parent), r.ParentStep)})
	}
	if len(r.Tags) > 0 {
		pairs = append(pairs, [2]string{"tags", clean(strings.Join(r.Tags, ", "))})
	}
	if r.Notes != "" {
		pairs = append(pairs, [2]string{"notes", clean(r.Notes)})
	}
	if r.PeakMemoryBytes > 0 {
		pairs = append(pairs, [2]string{"peak memory", bytesText(r.PeakMemoryBytes)})
	}
	for _, p := range pairs {
		fmt.Fprintf(a.out, "%-12s %s\n", p[0], p[1])
	}
	return a.printRunTables(ctx, st, r)
}

func (a *app) printRunTables(ctx context.Context, st *store.Store, r *store.Run) error {
	recorded, err := readRecords(ctx, st, r.ID)
	if err != nil {
		return err
	}
	t := terminal.NewTable("series", "points", "last", "min", "max")
	for _, s := range recorded.summaries {
		if _, isPhase := record.Phase(s.Name); !isPhase && !strings.HasPrefix(s.Name, record.ValLossBin) {
			t.Add(s.Name, s.Count, fmt.Sprintf("%.6g", s.Last), fmt.Sprintf("%.6g", s.Min), fmt.Sprintf("%.6g", s.Max))
		}
	}
	if len(t.Rows) > 0 {
		fmt.Fprintln(a.out)
		t.Print(a.out)
	}
	t = terminal.NewTable("phase", "count", "total", "median", "p95", "max")
	for _, p := range recorded.phases {
		t.Add(p.Name, p.Count, seconds(p.Total), seconds(p.P50), seconds(p.P95), seconds(p.Max))
	}
	if len(t.Rows) > 0 {
		fmt.Fprintln(a.out)
		t.Print(a.out)
	}
	t = terminal.NewTable("step", "sampler", "steps", "guidance", "NFE", "images", "time", "images/s")
	others := slices.ContainsFunc(recorded.samples, func(s store.Sample) bool { return s.WeightsFile != "" })
	if others {
		t.Header = append(t.Header, "weights of")
	}
	for _, s := range recorded.samples {
		cells := []any{s.Step, s.Sampler, s.Steps, s.Guidance, s.NFE, s.Images, seconds(s.Seconds), fmt.Sprintf("%.1f", s.ImagesPerSecond())}
		if others {
			cells = append(cells, clean(s.WeightsFile))
		}
		t.Add(cells...)
	}
	if len(t.Rows) > 0 {
		fmt.Fprintln(a.out)
		t.Print(a.out)
	}
	a.printRecorded(record.WarningsOf(recorded.samples, func(s store.Sample) record.Drawing { return s.Drawing }))
	return a.printEvaluations(ctx, st, r)
}

// printRecorded prints below a table the warnings that were recorded with its rows.
func (a *app) printRecorded(warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintf(a.out, "warning: %s\n", clean(warning))
	}
}

func dataText(d experiment.DatasetFingerprint) string {
	if d.SHA256 == "" {
		return "none"
	}
	return fmt.Sprintf("%s, %.12s", printable.Count(d.Images, "image"), d.SHA256)
}

// nameOfRun names another run, which need not be in the store any more.
func nameOfRun(ctx context.Context, st *store.Store, id string) string {
	if r, err := st.Run(ctx, id); err == nil {
		return r.Slug + "  (" + r.ID + ")"
	}
	return id
}

func commitText(env experiment.Environment) string {
	commit := "unknown"
	if env.Git.Commit != "" {
		commit = fmt.Sprintf("%.12s", env.Git.Commit)
	}
	if env.Git.Dirty {
		commit += " with changes (show --env has the diff)"
	}
	return commit
}

// records is what a run has recorded besides its config and log.
type records struct {
	summaries   []store.SeriesSummary
	phases      []store.Phase
	samples     []store.Sample
	evaluations []store.Evaluation
}

func readRecords(ctx context.Context, st *store.Store, id string) (r records, err error) {
	if r.summaries, err = st.Summaries(ctx, id); err != nil {
		return r, err
	}
	if r.phases, err = st.Phases(ctx, id); err != nil {
		return r, err
	}
	if r.samples, err = st.Samples(ctx, id); err != nil {
		return r, err
	}
	r.evaluations, err = st.Evaluations(ctx, id)
	return r, err
}
