package runspage

import (
	"slices"
	"strings"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/compare"
)

// runsChooser chooses columns.
type runsChooser struct {
	Chosen []chosenColumn
	More   []columnSection
	Usual  string // the address with the usual columns; "": they are shown
}

type chosenColumn struct {
	Key, Left, Right string // addresses with it moved; "" at the ends
}

type columnSection struct {
	Title string
	Keys  []string
}

func (s *runsSnapshot) chooser(q runsQuery, keys []string) runsChooser {
	var c runsChooser
	move := func(i, by int) string {
		if i+by < 0 || i+by >= len(keys) {
			return ""
		}
		return q.with(func(q *runsQuery) {
			q.Columns = slices.Clone(keys)
			q.Columns[i], q.Columns[i+by] = q.Columns[i+by], q.Columns[i]
		})
	}
	for i, key := range keys {
		c.Chosen = append(c.Chosen, chosenColumn{key, move(i, -1), move(i, 1)})
	}
	more := func(title string, all []string) {
		section := columnSection{Title: title}
		for _, key := range all {
			if !slices.Contains(keys, key) {
				section.Keys = append(section.Keys, key)
			}
		}
		if len(section.Keys) > 0 {
			c.More = append(c.More, section)
		}
	}
	var builtin, main []string
	for _, column := range catalog.RunColumns {
		builtin = append(builtin, column.Key)
	}
	// Metrics of single classes are many; they can be typed.
	for _, name := range s.Metrics {
		if !compare.Describe(name).Detail {
			main = append(main, name)
		}
	}
	more("Of the run", builtin)
	more("Metrics", main)
	if len(q.Columns) > 0 {
		c.Usual = q.with(func(q *runsQuery) { q.Columns = nil })
	}
	return c
}

// groupOption is a way of grouping.
type groupOption struct {
	Label, Href string
	Current     bool
}

func (s *runsSnapshot) grouping(q runsQuery) []groupOption {
	by := func(label string, group ...string) groupOption {
		return groupOption{label, q.with(func(q *runsQuery) {
			q.Group, q.Open = group, nil
			if len(group) == 0 && strings.TrimPrefix(q.Sort, "-") == runsColumnOfGroups {
				q.Sort = ""
			}
		}), slices.Equal(q.Group, group)}
	}
	list := []groupOption{by("Not grouped"), by("Over seeds", catalog.OverSeeds)}
	if len(q.Group) > 0 && q.Group[0] != catalog.OverSeeds {
		list = append(list, by("By "+strings.Join(q.Group, ", "), q.Group...))
	}
	return list
}
