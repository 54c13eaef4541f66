package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/seriestable"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

// allSeries stands for all series of a run.
const allSeries = "all"

// seriesFormats are the values of show --format; the first is the default.
var seriesFormats = []string{"csv", "jsonl", "parquet", "table"}

// checkSeries says what is wrong with the flags that go with --series.
func (o *showOptions) checkSeries() error {
	switch {
	case len(o.series) == 0 && (o.format != "" || o.file != ""):
		return usagef("--format and --out say how to print series: give --series NAME or --series all with them")
	case o.format != "" && !slices.Contains(seriesFormats, o.format):
		return usagef("there is no format %q; use one of: %s", o.format, strings.Join(seriesFormats, ", "))
	case len(o.series) > 1 && slices.Contains(o.series, allSeries):
		return usagef("--series all has all series in it; leave out the others")
	case o.format == "parquet" && o.file == "" && o.out.Terminal():
		return usagef("Parquet is not for a terminal: name a file with --out")
	case o.format == "table" && o.file != "":
		return usagef("a table is for people; to write a file, use --format csv, jsonl or parquet")
	}
	return nil
}

// printSeries prints step,value lines.
func (o *showOptions) printSeries(ctx context.Context, st *store.Store, r *store.Run, name string) error {
	points, err := st.Series(ctx, r.ID, name, store.SeriesOptions{})
	if err != nil {
		return err
	}
	if len(points) == 0 {
		if _, err := o.readSeries(ctx, st, r); err != nil { // it says which series there are
			return err
		}
	}
	var b strings.Builder
	for _, p := range points {
		b.WriteString(strconv.Itoa(p.Step))
		b.WriteByte(',')
		b.WriteString(strconv.FormatFloat(p.Value, 'g', -1, 64))
		b.WriteByte('\n')
	}
	_, err = fmt.Fprint(o.out, b.String())
	return err
}

// printSeriesTable prints series side by side.
func (o *showOptions) printSeriesTable(ctx context.Context, st *store.Store, r *store.Run) error {
	kind, write := files.CSV, (*seriestable.Table).WriteCSV
	switch o.format {
	case "jsonl":
		kind, write = files.JSONLines, (*seriestable.Table).WriteJSONLines
	case "parquet":
		kind, write = files.Parquet, (*seriestable.Table).WriteParquet
	}
	file := outFile{o.file, kind, o.force}
	if err := file.check(); err != nil {
		return err
	}
	table, err := o.readSeries(ctx, st, r)
	if err != nil {
		return err
	}
	switch {
	case o.format == "table":
		return o.renderSeries(table)
	case o.file == "":
		return write(table, o.out)
	}
	var content bytes.Buffer
	if err := write(table, &content); err != nil {
		return err
	}
	if err := file.write(content.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(o.err, "%s: %s of %s\n", o.file, printable.Count(len(table.Steps), "step"), r.Slug)
	return nil
}

func (o *showOptions) readSeries(ctx context.Context, st *store.Store, r *store.Run) (*seriestable.Table, error) {
	names := o.series
	if names[0] == allSeries {
		names = nil
	}
	table, err := seriestable.Read(ctx, st, r.ID, names)
	var unknown *seriestable.UnknownError
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("run %s has no series %q; it has: %s", r.Slug, unknown.Name, strings.Join(unknown.Known, ", "))
	}
	return table, err
}

func (o *showOptions) renderSeries(table *seriestable.Table) error {
	t := terminal.NewTableOfNames()
	for _, name := range table.Header() {
		t.Header = append(t.Header, clean(name))
	}
	for i, step := range table.Steps {
		cells := []any{step, fmt.Sprintf("%.3f", table.Seconds[i])}
		for _, c := range table.Columns {
			cell := "-"
			if c.There[i] {
				cell = fmt.Sprintf("%.6g", c.Values[i])
			}
			cells = append(cells, cell)
		}
		t.Add(cells...)
	}
	t.Print(o.out)
	return nil
}
