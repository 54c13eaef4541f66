package compare

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
)

// Row is a metric in all groups.
type Row struct {
	Metric
	Groups []Summary `json:"groups"`
	// Comparisons are of each group but the first with the first.
	Comparisons []Comparison `json:"comparisons"`
	// References are what the metric says of real images and of noise, the best
	// and the worst that a model can reach, by the number of images: of each
	// number that the groups were measured on, and of no other.
	References []Reference `json:"references"`
	// Real and Noise are those references where all groups were measured on one
	// number of images; missing where they were not, or nobody measured it.
	Real  Value `json:"real"`
	Noise Value `json:"noise"`
}

// Summary is a metric in one group, over seeds.
type Summary struct {
	Values []Value `json:"values"` // one a counted run, missing ones included
	// Images are the numbers of images that the values were measured on, one a
	// value; none where the metric is not of samples.
	Images []int `json:"images,omitempty"`
	N      int   `json:"n"` // of those that are there
	Mean   Value `json:"mean"`
	StdDev Value `json:"sd"`
	Low    Value `json:"low"` // 95 % bootstrap interval of the mean over seeds
	High   Value `json:"high"`
	// StdErr is the standard error of the measurement itself, where the group is
	// one run and the metric has one: it says nothing about other seeds.
	StdErr Value `json:"standard_error"`
}

// rows summarises the metrics: those of losses and samples, and those of cost.
func (r *Result) rows(data Data, o Options, l limits) (quality, cost []Row, err error) {
	quality, cost = []Row{}, []Row{}
	for _, name := range r.metricNames() {
		m := describe(name)
		unequal := name == ImagesPerSecond && len(o.Metrics) == 0 && len(r.BatchSizes) > 1
		if !wanted(m, o.Metrics) && !unequal && !slices.Contains(o.Also, name) && !slices.Contains(o.Also, Identifier(name)) {
			continue
		}
		row := Row{Metric: m}
		for i, g := range r.Groups {
			row.Groups = append(row.Groups, r.summarize(name, g, r.Settings[i]))
		}
		row.References, row.Real, row.Noise = r.references(data.References, row, l)
		if m.Kind == Cost {
			cost = append(cost, row)
		} else {
			quality = append(quality, row)
		}
	}
	for _, pattern := range o.Metrics {
		if err := r.checkPattern(pattern); err != nil {
			return nil, nil, err
		}
	}
	return quality, cost, nil
}

// metricNames lists every metric that some record has, in the order of the
// table.
func (r *Result) metricNames() []string {
	names := map[string]bool{}
	for _, record := range r.records {
		for name := range record.Scalars {
			names[name] = true
		}
		if !record.imagesPerSecond().Missing() {
			names[ImagesPerSecond] = true
		}
		for _, e := range record.Evaluations {
			names[SecondsPerImage], names[NFE] = true, true
			for name := range e.Metrics {
				names[name] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(names), byOrder)
}

// byOrder compares names of metrics by their place in the table.
func byOrder(a, b string) int {
	order := func(name string) int { _, i := find(name); return i }
	return cmp.Or(order(a)-order(b), len(a)-len(b), strings.Compare(a, b))
}

func wanted(m Metric, patterns []string) bool {
	if len(patterns) == 0 {
		return !m.Detail
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, m.Name) })
}

func fits(pattern, name string) bool {
	if pattern == "all" || pattern == Identifier(name) {
		return true
	}
	// A star stands for slashes, too: accuracy* is accuracy and accuracy/3.
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, _ := path.Match(flat(pattern), flat(name))
	return ok
}

func (r *Result) checkPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return wrong(OptionMetric, pattern, "%w", err)
	}
	names := r.metricNames()
	if slices.ContainsFunc(names, func(name string) bool { return fits(pattern, name) }) {
		return nil
	}
	return wrong(OptionMetric, pattern, "no run has such a metric; there are: %s", strings.Join(names, ", "))
}

func (r *Result) summarize(name string, g Group, at *Setting) Summary {
	var values []Value
	for _, i := range g.Counted {
		values = append(values, r.records[i].value(name, orZero(at)))
	}
	s := MeanOver(name, values)
	s.Images = r.imagesMeasured(name, g, at)
	if len(g.Counted) == 1 {
		if e := r.records[g.Counted[0]].evaluation(orZero(at)); e != nil {
			if v, ok := e.StdErr[name]; ok {
				s.StdErr = v
			}
		}
	}
	return s
}

func orZero(s *Setting) Setting {
	if s == nil {
		return Setting{}
	}
	return *s
}

// numbers drops what is missing.
func numbers(values []Value) []float64 {
	var x []float64
	for _, v := range values {
		if !v.Missing() {
			x = append(x, float64(v))
		}
	}
	return x
}
