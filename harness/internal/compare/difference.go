package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flowharness/models"
)

// Difference is a key whose value is not the same in all groups.
type Difference struct {
	Path   string   `json:"path"`
	Values []string `json:"values"` // one a group, as JSON; "-" where it has none
	// DependsOn is the key whose difference brings this one about: its values
	// follow from that key's.
	DependsOn string `json:"depends_on,omitempty"`
}

type dependency struct{ on, path string }

// dependencies are config keys whose defaults, or whose very existence, follow
// from another key; see the config package's defaults. A path that ends in a dot
// stands for all keys below it.
var dependencies = []dependency{
	{"process.name", "process."},
	{"process.name", "sampling.samplers"},
	{"process.timestep_density", "process.logit_"},
	{"process.beta_schedule", "process.beta_"},
	{"train.ema_decay", "sampling.use_ema"},
	{"model.name", "model."},
}

// configDifferences lists what differs between groups; names, notes and other
// keys without influence are left out.
func configDifferences(records []Record, groups []Group) []Difference {
	var networks []dependency
	for _, f := range models.Follow() {
		networks = append(networks, dependency{"model." + f.On, "model." + f.Key})
	}
	found := differences(records, groups, func(r Record) map[string]string { return r.Config },
		func(path string) bool { return !cosmetic[path] })
	for i := range found {
		d := &found[i]
		for _, dep := range slices.Concat(dependencies, networks) {
			if d.Path == dep.on || !strings.HasPrefix(d.Path, dep.path) {
				continue
			}
			j := slices.IndexFunc(found, func(o Difference) bool { return o.Path == dep.on })
			if j >= 0 && follows(found[j].Values, d.Values) {
				d.DependsOn = dep.on
				break
			}
		}
	}
	return found
}

// follows tells whether equal causes always come with equal values.
func follows(causes, values []string) bool {
	value := map[string]string{}
	for i, cause := range causes {
		if v, ok := value[cause]; ok && v != values[i] {
			return false
		}
		value[cause] = values[i]
	}
	return true
}

func environmentDifferences(records []Record, groups []Group) []Difference {
	return differences(records, groups, func(r Record) map[string]string { return r.Environment }, func(string) bool { return true })
}

func differences(records []Record, groups []Group, of func(Record) map[string]string, wanted func(path string) bool) []Difference {
	documents := make([]map[string]string, len(records))
	var compared []map[string]string
	for _, g := range groups {
		for _, i := range g.Runs {
			documents[i] = of(records[i])
			compared = append(compared, documents[i])
		}
	}
	found := []Difference{}
	for _, path := range differingPaths(compared) {
		if !wanted(path) {
			continue
		}
		d := Difference{Path: path}
		for _, g := range groups {
			d.Values = append(d.Values, valuesOf(documents, g, path))
		}
		if len(groups) > 1 && allSame(d.Values) { // it differs inside of each, as seeds do
			continue
		}
		found = append(found, d)
	}
	return found
}

func allSame(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != values[0] })
}

// mostValues is how many values of one group are listed.
const mostValues = 8

func valuesOf(documents []map[string]string, g Group, path string) string {
	var values []string
	for _, i := range g.Runs {
		value, ok := documents[i][path]
		if !ok {
			value = "-"
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if more := len(values) - mostValues; more > 0 {
		values = append(values[:mostValues], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(values, ", ")
}

// differingPaths lists, sorted, the paths whose values are not the same in all
// documents.
func differingPaths(documents []map[string]string) []string {
	var paths []string
	seen := map[string]bool{}
	for _, d := range documents {
		for path := range d {
			if seen[path] {
				continue
			}
			seen[path] = true
			first, had := documents[0][path]
			for _, other := range documents {
				if v, ok := other[path]; ok != had || v != first {
					paths = append(paths, path)
					break
				}
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// differsIn returns the paths of differences that begin with one of the prefixes
// and with none of the exceptions.
func differsIn(found []Difference, prefixes, except []string) []string {
	begins := func(path string, with []string) bool {
		return slices.ContainsFunc(with, func(p string) bool { return strings.HasPrefix(path, p) })
	}
	var paths []string
	for _, d := range found {
		if begins(d.Path, prefixes) && !begins(d.Path, except) {
			paths = append(paths, d.Path)
		}
	}
	return paths
}
