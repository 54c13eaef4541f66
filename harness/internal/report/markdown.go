package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/compare"
)

// EscapeMarkdown makes text show as it is in Markdown, table cells included:
// whatever a name or a note holds, it is no markup, no HTML and no mention.
func EscapeMarkdown(s string) string {
	return markdownEscapes.Replace(s)
}

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;",
	"&", "&amp;", "|", `\|`, "#", `\#`, "~", `\~`, "!", `\!`, "@", "@\u200b", "\r", " ", "\n", " ")

// WriteMarkdown writes the comparison for a pull request. clean is applied to
// every text that comes from a config or a user, before it is escaped.
func WriteMarkdown(w io.Writer, r *compare.Result, clean func(string) string) error {
	escape := func(s string) string { return EscapeMarkdown(clean(s)) }
	var b strings.Builder
	for _, t := range Tables(r, escape) {
		if len(t.Rows) == 0 {
			continue
		}
		markdownTable(&b, t)
		if t.ID == "metrics" {
			for _, f := range Findings(r) {
				fmt.Fprintf(&b, "- %s\n", escape(f.Text))
			}
			b.WriteByte('\n')
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "> **%s**\n", escape(warning.String()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdownTable writes one table, whose texts are escaped already.
func WriteMarkdownTable(w io.Writer, t Table) error {
	var b strings.Builder
	markdownTable(&b, t)
	_, err := io.WriteString(w, b.String())
	return err
}

// Escaped is the table with every text cleaned and escaped for Markdown.
func (t Table) Escaped(clean func(string) string) Table {
	escaped := t
	escaped.Rows = nil
	for _, row := range t.Rows {
		cells := make(table.Row, len(row))
		for i, cell := range row {
			cells[i] = EscapeMarkdown(clean(fmt.Sprint(cell)))
		}
		escaped.Rows = append(escaped.Rows, cells)
	}
	return escaped
}

func markdownTable(b *strings.Builder, t Table) {
	fmt.Fprintf(b, "### %s\n\n", t.Title)
	markdownRow(b, t.Header)
	b.WriteString("|" + strings.Repeat(" --- |", len(t.Header)) + "\n")
	for _, row := range t.Rows {
		markdownRow(b, row)
	}
	if t.Note != "" {
		fmt.Fprintf(b, "\n%s\n", strings.ReplaceAll(t.Note, "* on", `\* on`))
	}
	b.WriteByte('\n')
}

func markdownRow(b *strings.Builder, row table.Row) {
	b.WriteByte('|')
	for _, cell := range row {
		fmt.Fprintf(b, " %v |", cell)
	}
	b.WriteByte('\n')
}
