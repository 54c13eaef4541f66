package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is a plain table: columns under their titles, without borders.
type Table struct {
	Header  []any
	Names   bool   // the header has names in it, which keep their case; other titles are shown in capitals
	Numbers []bool // columns that are aligned to the right; may be shorter than the header
	Rows    [][]any
}

// NewTable is a table of these titles.
func NewTable(header ...any) *Table { return &Table{Header: header} }

// NewTableOfNames is a table whose titles are shown as they are given.
func NewTableOfNames(header ...any) *Table { return &Table{Header: header, Names: true} }

// Add adds a row.
func (t *Table) Add(cells ...any) { t.Rows = append(t.Rows, cells) }

// Narrow takes columns out until the table fits into a width, those of the highest rank first, and returns their titles.
// One is kept; a width of 0 keeps all.
func (t *Table) Narrow(width int, rank func(column int) int) (left []string) {
	size := make([]int, len(t.Header))
	var shown []int
	total := 0
	for i, title := range t.Header {
		size[i] = TextWidth(fmt.Sprint(title))
		for _, row := range t.Rows {
			if i < len(row) {
				size[i] = max(size[i], TextWidth(fmt.Sprint(row[i])))
			}
		}
		size[i] += 2 // a space on both sides
		total += size[i]
		shown = append(shown, i)
	}
	for width > 0 && total > width && len(shown) > 1 {
		last := slices.MaxFunc(shown, func(a, b int) int { return rank(a) - rank(b) })
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == last })
		total -= size[last]
		left = append(left, fmt.Sprint(t.Header[last]))
	}
	t.keep(shown)
	return left
}

func (t *Table) keep(columns []int) {
	narrow := Table{Names: t.Names}
	for _, i := range columns {
		narrow.Header = append(narrow.Header, t.Header[i])
		narrow.Numbers = append(narrow.Numbers, i < len(t.Numbers) && t.Numbers[i])
	}
	for _, row := range t.Rows {
		var cells []any
		for _, i := range columns {
			if i < len(row) {
				cells = append(cells, row[i])
			}
		}
		narrow.Add(cells...)
	}
	*t = narrow
}

// Print writes the table no wider than the terminal.
func (t *Table) Print(out Output) { t.Write(out, out.Width()) }

// Write writes the table, no line of it wider than a number of columns; 0 sets no limit.
func (t *Table) Write(w io.Writer, width int) {
	pretty := t.pretty(width)
	pretty.SetOutputMirror(w)
	pretty.Render()
}

// Lines is the table without a limit to its width.
func (t *Table) Lines() []string { return strings.Split(t.pretty(0).Render(), "\n") }

func (t *Table) pretty(width int) table.Writer {
	pretty := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	pretty.SetStyle(style)
	pretty.Style().Size.WidthMax = width
	if t.Names {
		pretty.Style().Format.Header = text.FormatDefault
	}
	var columns []table.ColumnConfig
	for i, number := range t.Numbers {
		if number {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	pretty.SetColumnConfigs(columns)
	pretty.AppendHeader(t.Header)
	for _, row := range t.Rows {
		pretty.AppendRow(row)
	}
	return pretty
}
