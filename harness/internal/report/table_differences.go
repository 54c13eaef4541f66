package report

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"flowharness/harness/internal/compare"
)

// differences has a line for each key; those that follow from another are on one
// line below it.
func (l layout) differences(id, title string, from []compare.Difference) Table {
	t := Table{ID: id, Title: title, Header: table.Row{"key"}, turns: true}
	for _, g := range l.Groups {
		t.Header = append(t.Header, l.clean(g.Label))
	}
	for _, d := range from {
		if d.DependsOn != "" {
			continue
		}
		row := table.Row{l.clean(d.Path)}
		for _, v := range d.Values {
			row = append(row, l.clean(short(compare.Plain(v))))
		}
		t.Rows = append(t.Rows, row)
		if row := l.dependent(d.Path, from); row != nil {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (l layout) dependent(on string, from []compare.Difference) table.Row {
	values := make([][]string, len(l.Groups))
	found := false
	for _, d := range from {
		if d.DependsOn != on {
			continue
		}
		found = true
		name := d.Path[strings.LastIndex(d.Path, ".")+1:]
		for g, v := range d.Values {
			if v != "-" {
				values[g] = append(values[g], l.clean(name+": "+short(compare.Plain(v))))
			}
		}
	}
	if !found {
		return nil
	}
	row := table.Row{"  and with it"}
	for _, v := range values {
		row = append(row, strings.Join(v, "; "))
	}
	return row
}

// short cuts a value that would fill the screen.
func short(value string) string {
	const most = 80
	if r := []rune(value); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return value
}
