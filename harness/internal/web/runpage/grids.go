package runpage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// gridsView are the grids that a run has drawn.
type gridsView struct {
	Settings []gridSetting // to choose from
	Frames   []lapseFrame  // of the chosen one, in the order of the steps
	Way      []lapseFrame  // of points, in the latest of these: from beginning to end
	Columns  []gridColumn  // of the matrix
	Rows     []gridRow
	Step     int // the latest, which the matrix is of
	Warnings []string
	Fields   []shell.Field
	Slug     string
}

// gridSetting is a sampler with a number of steps and a guidance scale.
type gridSetting struct {
	Key, Text string
	Chosen    bool
}

// lapseFrame is a grid with what is to be said about it.
type lapseFrame struct {
	Picture string // address
	Alt     string
	Caption string
	Label   string // short: when it was drawn
}

type gridColumn struct {
	Steps    int
	Guidance float64
}

type gridRow struct {
	Sampler string
	Cells   []lapseFrame // one a column; without a picture where there is none
}

// maxFrames bounds how many grids of a setting a page has.
const maxFrames = 200

func (s *Pages) readGrids(ctx context.Context, run *store.Run, q runQuery) (gridsView, error) {
	v := gridsView{Slug: run.Slug, Fields: q.fields("grid")}
	samples, err := s.Store.Samples(ctx, run.ID)
	if err != nil || len(samples) == 0 {
		return v, err
	}
	settings, frames := map[string]store.Sample{}, map[string]int{}
	for _, sample := range samples {
		settings[lapseKey(sample)] = sample
		frames[lapseKey(sample)]++
		v.Step = max(v.Step, sample.Step)
	}
	chosen := v.choose(settings, frames, q.Grid)
	var latest store.Sample
	for _, sample := range samples {
		if lapseKey(sample) == chosen {
			v.Frames = append(v.Frames, newFrame(sample))
			latest = sample
		}
	}
	if v.Way, err = s.readWay(ctx, run, latest); err != nil {
		return v, err
	}
	v.Frames = spread(v.Frames, maxFrames)
	v.matrix(samples)
	v.Warnings = record.WarningsOf(samples, func(s store.Sample) record.Drawing { return s.Drawing })
	return v, nil
}

// spread are so many of a list, evenly apart, with the first and the last.
func spread[T any](list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	kept := make([]T, most)
	for i := range kept {
		kept[i] = list[i*(len(list)-1)/(most-1)]
	}
	return kept
}

// choose lists the settings and returns the key of the one that is asked for, or
// else of the one with the most grids, of several that of the most steps.
func (v *gridsView) choose(settings map[string]store.Sample, frames map[string]int, asked string) string {
	list := make([]store.Sample, 0, len(settings))
	for _, sample := range settings {
		list = append(list, sample)
	}
	slices.SortFunc(list, compareSettings)
	chosen := lapseKey(slices.MaxFunc(list, func(a, b store.Sample) int {
		return cmp.Or(cmp.Compare(frames[lapseKey(a)], frames[lapseKey(b)]), cmp.Compare(a.Steps, b.Steps))
	}))
	if _, ok := settings[asked]; ok {
		chosen = asked
	}
	for _, sample := range list {
		key := lapseKey(sample)
		v.Settings = append(v.Settings, gridSetting{key, fmt.Sprintf("%s, %s, guidance %g", sample.Sampler, stepsText(sample.Steps),
			sample.Guidance), key == chosen})
	}
	return chosen
}

// matrix sets the grids of the latest step beside each other.
func (v *gridsView) matrix(samples []store.Sample) {
	type place struct {
		sampler string
		column  gridColumn
	}
	cells := map[place]lapseFrame{}
	var samplers []string
	for _, s := range samples {
		if s.Step != v.Step {
			continue
		}
		column := gridColumn{s.Steps, s.Guidance}
		cells[place{s.Sampler, column}] = newFrame(s)
		if !slices.Contains(samplers, s.Sampler) {
			samplers = append(samplers, s.Sampler)
		}
		if !slices.Contains(v.Columns, column) {
			v.Columns = append(v.Columns, column)
		}
	}
	slices.Sort(samplers)
	slices.SortFunc(v.Columns, func(a, b gridColumn) int {
		return cmp.Or(cmp.Compare(a.Steps, b.Steps), cmp.Compare(a.Guidance, b.Guidance))
	})
	for _, sampler := range samplers {
		row := gridRow{Sampler: sampler}
		for _, column := range v.Columns {
			row.Cells = append(row.Cells, cells[place{sampler, column}])
		}
		v.Rows = append(v.Rows, row)
	}
}

func compareSettings(a, b store.Sample) int {
	return cmp.Or(cmp.Compare(a.Sampler, b.Sampler), cmp.Compare(a.Steps, b.Steps), cmp.Compare(a.Guidance, b.Guidance))
}

func lapseKey(s store.Sample) string {
	return s.Sampler + "|" + strconv.Itoa(s.Steps) + "|" + strconv.FormatFloat(s.Guidance, 'g', -1, 64)
}

func newFrame(s store.Sample) lapseFrame {
	average := ""
	if s.UsedEMA {
		average = ", averaged weights"
	}
	if s.WeightsFile != "" {
		average = ", weights of " + printable.Clean(s.WeightsFile)
	}
	return lapseFrame{
		Picture: "/pictures/" + s.ImageSHA256 + ".png",
		Alt: fmt.Sprintf("%d images drawn after step %d by %s in %s with guidance %g", s.Images, s.Step, s.Sampler, stepsText(s.Steps),
			s.Guidance),
		Caption: fmt.Sprintf("%s, %s, guidance %g · step %s, epoch %d · %s an image · %d images in %s%s",
			s.Sampler, stepsText(s.Steps), s.Guidance, shell.Count(s.Step), s.Epoch, counted(s.NFE,
				"call"), s.Images, seconds(s.Seconds), average),
		Label: fmt.Sprintf("step %s, epoch %d", shell.Count(s.Step), s.Epoch),
	}
}

func stepsText(n int) string { return counted(n, "step") }

// counted is a number of things, its digits in groups.
func counted(n int, thing string) string { return shell.Count(n) + " " + printable.Noun(n, thing) }
