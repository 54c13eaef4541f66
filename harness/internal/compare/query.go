package compare

import (
	"maps"
	"slices"

	"flowharness/harness/internal/statistics"
)

// MetricNames lists every metric that a run has, shown or not.
func (r *Result) MetricNames() []string { return r.metricNames() }

// AllSettings lists the settings at which any run was evaluated, whatever the
// options choose, by sampler, steps and guidance.
func (r *Result) AllSettings() []Setting {
	var all []Setting
	for _, g := range r.Groups {
		for _, s := range r.settings(g, Options{}) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, compareSettings)
	return all
}

// ConfigPaths lists the config keys of any run, sorted, but for the seed and
// those that do not change a result.
func (r *Result) ConfigPaths() []string {
	found := map[string]bool{}
	for _, record := range r.records {
		for path := range record.Config {
			if path != seedPath && !cosmetic[path] {
				found[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// SortMetrics brings names of metrics into the order of a comparison.
func SortMetrics(names []string) { slices.SortFunc(names, byOrder) }

// Mean is a metric's mean in a group; missing if no run has it, or some of the
// values are not numbers.
func (r *Result) Mean(name string, group int) Value {
	var values []Value
	for _, i := range r.Groups[group].Counted {
		values = append(values, r.records[i].value(name, orZero(r.Settings[group])))
	}
	x := numbers(values)
	if len(x) < len(values) {
		return missing
	}
	return Value(statistics.Mean(x))
}

// Sampled tells whether a metric is one of samples, which depend on how they
// were drawn.
func (r *Result) Sampled(name string) bool {
	m := describe(name)
	if name == SecondsPerImage || name == NFE {
		return true
	}
	for _, record := range r.records {
		if _, ok := record.Scalars[name]; ok {
			return false
		}
	}
	return m.Kind != Cost
}

// Incomparable says why values of a metric in a group must not be ranked against
// the first, except for times, which [Result.TimingWarning] is about; "" if they
// may.
func (r *Result) Incomparable(name string, group int) string {
	if m := describe(name); m.Kind != Cost {
		return r.limits[group].limit(m)
	}
	return ""
}

// TimingWarning says why times of a group are not comparable with the first's.
func (r *Result) TimingWarning(group int) string { return r.limits[group].timing }

// Timed tells whether a metric is a time or a speed.
func (r *Result) Timed(name string) bool { return describe(name).timed() }

// ComparisonOf is the comparison of a metric of a group with that of the first;
// false if the metric is not among those shown.
func (r *Result) ComparisonOf(name string, group int) (Comparison, bool) {
	for _, row := range slices.Concat(r.Metrics, r.Cost) {
		if row.Name == name {
			return row.Comparisons[group-1], true
		}
	}
	return Comparison{}, false
}
