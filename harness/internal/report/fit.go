package report

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/rivo/uniseg"
)

// Fit makes a table no wider than so many columns of a terminal: with runs as rows instead of
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
				widths[i] = max(widths[i], displayWidth(line))
			}
		}
	}
	return widths
}

// wrap breaks cells into lines of at most so many columns of a terminal, at spaces if it can.
func wrap(t Table, most int) Table {
	wrapped := Table{ID: t.ID, Title: t.Title, Note: t.Note, keys: t.keys}
	lines := func(row table.Row) table.Row {
		out := make(table.Row, len(row))
		for i, cell := range row {
			out[i] = cell
			if words := fmt.Sprint(cell); displayWidth(words) > most {
				out[i] = strings.Join(Wrap(words, most), "\n")
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

// Wrap breaks a text into lines of at most width columns of a terminal, at spaces if
// it can. What is one character to a reader is not broken, so that a line may be
// wider where not even one fits.
func Wrap(words string, width int) []string {
	if width <= 0 {
		return []string{words}
	}
	var lines []string
	line, used := "", 0
	for word := range strings.SplitSeq(words, " ") {
		w := displayWidth(word)
		if line != "" && used+1+w > width {
			lines, line, used = append(lines, line), "", 0
		} else if line != "" {
			line, used = line+" ", used+1
		}
		for w > width {
			head, headWidth := fitting(word, width)
			if len(head) == len(word) {
				break
			}
			lines, word, w = append(lines, head), word[len(head):], w-headWidth
		}
		line, used = line+word, used+w
	}
	return append(lines, line)
}

// fitting is the beginning of a text that is at most so wide, but one character at
// least, and its width.
func fitting(text string, most int) (head string, width int) {
	graphemes := uniseg.NewGraphemes(text)
	for graphemes.Next() {
		w := displayWidth(graphemes.Str())
		if from, to := graphemes.Positions(); from > 0 && width+w > most {
			return text[:from], width
		} else {
			head, width = text[:to], width+w
		}
	}
	return head, width
}

// displayWidth is how many columns of a terminal a text takes, as the tables count
// them: two for a character of Chinese, none for an accent.
func displayWidth(s string) int { return text.StringWidthWithoutEscSequences(s) }

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
