package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"flowharness/models"
)

// Reference is a Markdown table of every key of each section, from the schema:
// what it may hold and what it is.
func Reference() string {
	var b strings.Builder
	var top []keyRow
	for name, s := range rules().Properties.FromOldest() {
		if s.Type != "object" {
			top = append(top, newKeyRow(name, s))
		}
	}
	writeKeys(&b, "Of the file", "", top)
	for name, s := range rules().Properties.FromOldest() {
		if s.Type == "object" {
			writeKeys(&b, "`"+name+"`", s.Description, keysOf(s))
		}
		if name == "model" {
			writeOtherNetworks(&b)
		}
	}
	return b.String()
}

// writeOtherNetworks writes the keys of model for the networks that are not the default.
func writeOtherNetworks(b *strings.Builder) {
	for _, network := range models.Names()[1:] {
		section := property(rulesOf(network), "model")
		writeKeys(b, "`model` with `name: "+network+"`", network+": "+models.About(network), slices.DeleteFunc(keysOf(section),
			func(r keyRow) bool {
				return r.name == "name"
			}))
	}
}

type keyRow struct{ name, values, description string }

func newKeyRow(name string, s *jsonschema.Schema) keyRow {
	return keyRow{name, valuesOf(s), s.Description}
}

// keysOf lists the keys of a section; those of a list's items stand below the
// list.
func keysOf(section *jsonschema.Schema) []keyRow {
	var rows []keyRow
	for name, s := range leavesOf("", section) {
		rows = append(rows, newKeyRow(name, s))
		if s.Items != nil && len(s.Items.AnyOf) > 0 {
			for _, row := range keysOf(s.Items.AnyOf[1]) {
				row.name = name + "[]." + row.name
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func writeKeys(b *strings.Builder, title, description string, rows []keyRow) {
	fmt.Fprintf(b, "\n### %s\n\n", title)
	if description != "" {
		fmt.Fprintf(b, "%s\n\n", description)
	}
	b.WriteString("| key | values | meaning |\n| --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", r.name, cell(r.values), cell(r.description))
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// valuesOf says in words what a key may hold.
func valuesOf(s *jsonschema.Schema) string {
	switch {
	case len(s.AnyOf) > 0:
		return valuesOf(s.AnyOf[0]) + ", " + valuesOf(s.AnyOf[1])
	case s.Items != nil && len(s.Items.AnyOf) > 0:
		return "list of names or mappings"
	case s.Items != nil:
		return "list of: " + valuesOf(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, 0, len(s.Enum))
		for _, e := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(words, ", ")
	case s.Type == "boolean":
		return "`true`, `false`"
	case s.Type == "integer", s.Type == "number":
		return strings.TrimSpace(s.Type + boundsOf(s))
	}
	return "text"
}

func boundsOf(s *jsonschema.Schema) string {
	var parts []string
	for _, bound := range []struct {
		text  string
		value fmt.Stringer
	}{{"from", s.Minimum}, {"above", s.ExclusiveMinimum}, {"to", s.Maximum}, {"below", s.ExclusiveMaximum}} {
		if text := bound.value.String(); text != "" && text != "9223372036854775807" {
			parts = append(parts, bound.text+" "+text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, " ")
}
