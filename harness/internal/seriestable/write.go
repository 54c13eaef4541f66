package seriestable

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// Names of the columns before those of the series.
const (
	stepColumn    = "step"
	secondsColumn = "seconds"
)

// Header names the columns.
func (t *Table) Header() []string {
	names := []string{stepColumn, secondsColumn}
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}

// Row is a row as text: numbers at full precision, nothing where a series has no value.
func (t *Table) Row(i int) []string {
	cells := []string{strconv.Itoa(t.Steps[i]), precise(t.Seconds[i])}
	for _, c := range t.Columns {
		cell := ""
		if c.There[i] {
			cell = precise(c.Values[i])
		}
		cells = append(cells, cell)
	}
	return cells
}

func precise(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// WriteCSV writes a line of names, then a line a step.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.Header()); err != nil {
		return err
	}
	for i := range t.Steps {
		if err := out.Write(t.Row(i)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteJSONLines writes an object a step, without the series that have no value there. NaN and infinities, which JSON
// lacks, are strings.
func (t *Table) WriteJSONLines(w io.Writer) error {
	out := bufio.NewWriter(w)
	for i, step := range t.Steps {
		fmt.Fprintf(out, `{"%s":%d,"%s":%s`, stepColumn, step, secondsColumn, jsonNumber(t.Seconds[i]))
		for _, c := range t.Columns {
			if !c.There[i] {
				continue
			}
			name, err := json.Marshal(c.Name)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, ",%s:%s", name, jsonNumber(c.Values[i]))
		}
		fmt.Fprintln(out, "}")
	}
	return out.Flush()
}

func jsonNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.Quote(precise(v))
	}
	return precise(v)
}

// WriteParquet writes the columns as int64 (step) and float64, those of series null where there is no value.
func (t *Table) WriteParquet(w io.Writer) error {
	double := parquet.Leaf(parquet.DoubleType)
	group := parquet.Group{stepColumn: parquet.Leaf(parquet.Int64Type), secondsColumn: double}
	for _, c := range t.Columns {
		group[c.Name] = parquet.Optional(double)
	}
	schema := parquet.NewSchema("series", group)
	place := make(map[string]int, len(group)) // columns are in the order of their names
	for i, path := range schema.Columns() {
		place[path[0]] = i
	}
	out := parquet.NewWriter(w, schema, parquet.Compression(&parquet.Zstd))
	const rowsAtOnce = 1024
	rows := make([]parquet.Row, 0, rowsAtOnce)
	for i, step := range t.Steps {
		row := parquet.Row{
			parquet.Int64Value(int64(step)).Level(0, 0, place[stepColumn]),
			parquet.DoubleValue(t.Seconds[i]).Level(0, 0, place[secondsColumn]),
		}
		for _, c := range t.Columns {
			value := parquet.NullValue().Level(0, 0, place[c.Name])
			if c.There[i] {
				value = parquet.DoubleValue(c.Values[i]).Level(0, 1, place[c.Name])
			}
			row = append(row, value)
		}
		slices.SortFunc(row, func(a, b parquet.Value) int { return a.Column() - b.Column() })
		rows = append(rows, row)
		if len(rows) == rowsAtOnce || i == len(t.Steps)-1 {
			if _, err := out.WriteRows(rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return out.Close()
}
