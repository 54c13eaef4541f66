package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Fit makes a table no wider than width characters: with runs as rows instead of
// columns if that helps, with long texts broken into lines, and as several tables
// that repeat the columns which say what a row is about if there are too many columns. A width of 0 is
// unlimited. The separator between columns is one space on each side.
func Fit(t Table, width int) []Table {
	if many := transpose(t); len(t.Header) > mostColumns+1 && many.Rows != nil {
		t = many
	}
	if width <= 0 || naturalWidth(t) <= width {
		return []Table{t}
	}
	if turned := transpose(t); turned.Rows != nil && (naturalWidth(turned) <= width || len(turned.Header) < len(t.Header)) {
		t = turned
		if naturalWidth(t) <= width {
			return []Table{t}
		}
	}
	if wrapped := wrap(t, max(12, width/4)); naturalWidth(wrapped) <= width {
		return []Table{wrapped}
	}
	return split(wrap(t, max(8, min(width/3, width/2-4))), width)
}

// mostColumns is how many runs are columns: more are lines, whatever the width.
const mostColumns = 12

// ForPage is the table as a page shows it: one with more than a few runs as
// columns is turned over, since a page is as long as one likes.
func (t Table) ForPage() Table {
	const most = 7
	if turned := transpose(t); len(t.Header) > most && turned.Rows != nil {
		return turned
	}
	return t
}

// transpose turns a table over whose first header is about its rows: those of
// runs as columns. Others have several columns that belong together.
func transpose(t Table) Table {
	if len(t.Rows) == 0 || len(t.Header) < 3 || !t.turns {
		return Table{}
	}
	turned := Table{ID: t.ID, Title: t.Title, Note: t.Note, Header: table.Row{t.Header[0]}}
	for _, row := range t.Rows {
		turned.Header = append(turned.Header, row[0])
	}
	for i := 1; i < len(t.Header); i++ {
		row := table.Row{t.Header[i]}
		for _, r := range t.Rows {
			row = append(row, r[i])
		}
		turned.Rows = append(turned.Rows, row)
	}
	return turned
}

func naturalWidth(t Table) int {
	total := 0
	for _, w := range columnWidths(t) {
		total += w + 2
	}
	return total
}

func columnWidths(t Table) []int {
	widths := make([]int, len(t.Header))
	for _, row := range append([]table.Row{t.Header}, t.Rows...) {
		for i, cell := range row {
			for line := range strings.SplitSeq(fmt.Sprint(cell), "\n") {
				widths[i] = max(widths[i], utf8.RuneCountInString(line))
			}
		}
	}
	return widths
}

// wrap breaks cells into lines of at most most characters, at spaces if it can.
func wrap(t Table, most int) Table {
	wrapped := Table{ID: t.ID, Title: t.Title, Note: t.Note, keys: t.keys}
	lines := func(row table.Row) table.Row {
		out := make(table.Row, len(row))
		for i, cell := range row {
			out[i] = cell
			if text := fmt.Sprint(cell); utf8.RuneCountInString(text) > most {
				out[i] = strings.Join(Wrap(text, most), "\n")
			}
		}
		return out
	}
	wrapped.Header = lines(t.Header)
	for _, row := range t.Rows {
		wrapped.Rows = append(wrapped.Rows, lines(row))
	}
	return wrapped
}

// Wrap breaks a text into lines of at most width characters, at spaces if it can.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := []rune{}
	for word := range strings.SplitSeq(text, " ") {
		w := []rune(word)
		if len(line) > 0 && len(line)+1+len(w) > width {
			lines, line = append(lines, string(line)), nil
		} else if len(line) > 0 {
			line = append(line, ' ')
		}
		for len(w) > width {
			lines, w = append(lines, string(w[:width])), w[width:]
		}
		line = append(line, w...)
	}
	return append(lines, string(line))
}

// split deals the columns out to tables that fit.
func split(t Table, width int) []Table {
	widths := columnWidths(t)
	var parts []Table
	keys := max(1, t.keys)
	keysWidth := 0
	for _, w := range widths[:keys] {
		keysWidth += w + 2
	}
	for keysWidth > width/2 && keys > 1 {
		keys--
		keysWidth -= widths[keys] + 2
	}
	for next := keys; next < len(t.Header); {
		columns, used := []int{}, keysWidth
		for i := range keys {
			columns = append(columns, i)
		}
		for next < len(t.Header) && (len(columns) == keys || used+widths[next]+2 <= width) {
			columns, used = append(columns, next), used+widths[next]+2
			next++
		}
		part := Table{Title: t.Title}
		if len(parts) > 0 {
			part.Title += " (continued)"
		}
		pick := func(row table.Row) table.Row {
			out := table.Row{}
			for _, c := range columns {
				out = append(out, row[c])
			}
			return out
		}
		part.Header = pick(t.Header)
		for _, row := range t.Rows {
			part.Rows = append(part.Rows, pick(row))
		}
		parts = append(parts, part)
	}
	parts[len(parts)-1].Note = t.Note
	return parts
}
