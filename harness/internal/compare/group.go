package compare

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/fault"
)

// ByConfig as the only path to group by means the default: runs that differ in
// nothing but their seed form a group.
const ByConfig = "config"

// Group is a variant: the runs of which each is one observation.
type Group struct {
	Label string `json:"label"`
	Runs  []int  `json:"runs"` // indexes into the result's runs
	// Counted are the runs that count as independent: of several with equal
	// config and seed only the latest.
	Counted []int    `json:"counted"`
	Seeds   []uint64 `json:"seeds"` // of those
}

// seedPath is the config key of the seed.
const seedPath = "seed"

// cosmetic are the config keys that do not change a result.
var cosmetic = func() map[string]bool {
	keys := map[string]bool{}
	for _, key := range config.Unhashed() {
		keys[key] = true
	}
	return keys
}()

// group sorts records into groups, in the order of their first members. The
// first baseline records are one group whatever they hold.
func group(records []Record, o Options) ([]Group, error) {
	if err := checkPaths(records, o.GroupBy); err != nil {
		return nil, err
	}
	var groups []Group
	index := map[string]int{}
	for i := range records {
		key := "b"
		if i >= o.BaselineRuns {
			key = "r" + groupKey(records[i].Config, o.GroupBy)
		}
		at, ok := index[key]
		if !ok {
			at = len(groups)
			index[key] = at
			groups = append(groups, Group{})
		}
		groups[at].Runs = append(groups[at].Runs, i)
	}
	for i := range groups {
		groups[i].count(records)
		groups[i].Label = label(groups[i], records, o.GroupBy)
		if given := o.Labels[records[groups[i].Runs[0]].ID]; given != "" {
			groups[i].Label = given
		}
		if i == 0 && o.BaselineRuns > 0 && o.BaselineLabel != "" {
			groups[i].Label = o.BaselineLabel
		}
	}
	distinguish(groups)
	return groups, nil
}

func checkPaths(records []Record, paths []string) error {
	for _, path := range paths {
		if path == ByConfig {
			if len(paths) > 1 {
				return wrong(OptionGroupBy, ByConfig, "%s", joinedConfig)
			}
			continue
		}
		known := false
		for _, r := range records {
			_, ok := r.Config[path]
			known = known || ok
		}
		if !known {
			near := suggestPath(records, path)
			err := wrong(OptionGroupBy, path, "no run has this config key%s", near)
			if near == "" {
				err.Help = fault.Do(fault.ListConfigKeys)
			}
			return err
		}
	}
	return nil
}

const joinedConfig = "it is everything but the seed, and cannot be joined with other paths"

// suggestPath names keys that end or begin alike.
func suggestPath(records []Record, path string) string {
	last := path[strings.LastIndex(path, ".")+1:]
	var found []string
	for key := range records[0].Config {
		if strings.HasSuffix(key, "."+last) || strings.HasPrefix(key, path+".") {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return "; did you mean " + strings.Join(found[:min(3, len(found))], ", ") + "?"
}

func groupKey(config map[string]string, paths []string) string {
	if len(paths) == 0 || paths[0] == ByConfig {
		rest := map[string]string{}
		for path, value := range config {
			if path != seedPath && !cosmetic[path] {
				rest[path] = value
			}
		}
		key, _ := json.Marshal(rest) // keys are sorted; strings always encode
		return string(key)
	}
	values := make([]string, len(paths))
	for i, path := range paths {
		values[i] = config[path]
	}
	key, _ := json.Marshal(values)
	return string(key)
}

// count finds the runs of a group that are observations of their own.
func (g *Group) count(records []Record) {
	for _, k := range Independent(len(g.Runs), func(k int) (string, uint64, string) {
		r := records[g.Runs[k]]
		return groupKey(r.Config, nil), r.Seed, r.ID
	}) {
		g.Counted = append(g.Counted, g.Runs[k])
	}
	for _, i := range g.Counted {
		g.Seeds = append(g.Seeds, records[i].Seed)
	}
}

// label names a group: by its run if it has one, by the values it is grouped by,
// or by the name that its runs share.
func label(g Group, records []Record, paths []string) string {
	first := records[g.Runs[0]]
	switch {
	case len(paths) > 0 && paths[0] != ByConfig:
		values := make([]string, len(paths))
		for i, path := range paths {
			values[i] = Plain(first.Config[path])
		}
		return GroupLabel(paths, values, func(i int) bool { return strings.HasPrefix(first.Config[paths[i]], `"`) })
	case len(g.Runs) == 1:
		return first.Slug
	default:
		return first.Name
	}
}

// distinguish makes labels unique.
func distinguish(groups []Group) {
	seen := map[string]int{}
	for i := range groups {
		label := groups[i].Label
		seen[label]++
		if n := seen[label]; n > 1 {
			groups[i].Label = fmt.Sprintf("%s #%d", label, n)
		}
	}
}

// Plain is a config value as people write it: text without quotes.
func Plain(value string) string {
	if value == "" {
		return "-"
	}
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// varying lists the config keys, but for seed and cosmetic ones, that are not
// the same in all runs of a group.
func (g Group) varying(records []Record) []string {
	var configs []map[string]string
	for _, i := range g.Runs {
		configs = append(configs, records[i].Config)
	}
	var paths []string
	for _, path := range differingPaths(configs) {
		if path != seedPath && !cosmetic[path] {
			paths = append(paths, path)
		}
	}
	return paths
}
