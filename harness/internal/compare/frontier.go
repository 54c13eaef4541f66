package compare

import (
	"cmp"
	"math"
	"slices"

	"flowharness/harness/internal/statistics"
)

// Frontier is a metric of samples against what a sample costs, over every
// setting that the groups were evaluated at.
type Frontier struct {
	Metric
	Points []FrontierPoint `json:"points"` // by group, sampler, guidance and calls
	// Ranked is false where the values are of different measures, or of different
	// numbers of images on which they depend; Pareto is not marked then.
	Ranked bool `json:"ranked"`
}

// FrontierPoint is the mean over the seeds of a group at a setting.
type FrontierPoint struct {
	Group   int    `json:"group"` // index
	Label   string `json:"label"`
	Setting        // how the samples were drawn
	NFE     int    `json:"nfe"`    // network calls for an image
	Images  []int  `json:"images"` // that were measured, each number of them once
	Seconds Value  `json:"seconds_per_image"`
	N       int    `json:"n"`
	Mean    Value  `json:"mean"`
	StdDev  Value  `json:"sd"`
	// Pareto: no other point is at least as good for at most as many
	// calls, and better in one of the two.
	Pareto bool `json:"pareto"`
}

// frontiers has one part for each metric shown that samples are measured by.
func (r *Result) frontiers(l limits) []Frontier {
	found := []Frontier{}
	for _, row := range r.Metrics {
		if row.Kind != Quality {
			continue
		}
		f := Frontier{Metric: row.Metric, Points: []FrontierPoint{}, Ranked: l.limit(row.Metric) == "" && row.Better != Neither}
		for g := range r.Groups {
			f.Points = append(f.Points, r.frontierPoints(row.Name, g)...)
		}
		if len(f.Points) == 0 {
			continue
		}
		f.Ranked = f.Ranked && !(f.DependsOnCount && len(f.Images()) > 1)
		if f.Ranked {
			f.mark()
		}
		found = append(found, f)
	}
	return found
}

func (r *Result) frontierPoints(metric string, group int) []FrontierPoint {
	var points []FrontierPoint
	g := r.Groups[group]
	for _, s := range r.settings(g, Options{}) {
		p := FrontierPoint{Group: group, Label: g.Label, Setting: s}
		var values, seconds []float64
		for _, i := range g.Counted {
			e := r.records[i].evaluation(s)
			if e == nil {
				continue
			}
			p.NFE = e.NFE
			if v, ok := e.Metrics[metric]; ok && !v.Missing() {
				values = append(values, float64(v))
				if !slices.Contains(p.Images, e.Images) {
					p.Images = append(p.Images, e.Images)
				}
			}
			if !e.SecondsPerImage.Missing() {
				seconds = append(seconds, float64(e.SecondsPerImage))
			}
		}
		if len(values) == 0 {
			continue
		}
		p.N, p.Mean, p.StdDev = len(values), Value(statistics.Mean(values)), Value(statistics.StdDev(values))
		p.Seconds = Value(statistics.Mean(seconds))
		points = append(points, p)
	}
	slices.SortStableFunc(points, func(a, b FrontierPoint) int {
		return cmp.Or(cmp.Compare(a.Sampler, b.Sampler), cmp.Compare(a.Guidance, b.Guidance), cmp.Compare(a.NFE, b.NFE))
	})
	return points
}

// Images are the numbers of images that the points were measured on, each once.
func (f Frontier) Images() []int {
	var all []int
	for _, p := range f.Points {
		all = append(all, p.Images...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mark finds the Pareto front.
func (f *Frontier) mark() {
	good := func(v Value) float64 {
		if f.Better == Lower {
			return -float64(v)
		}
		return float64(v)
	}
	for i := range f.Points {
		p := &f.Points[i]
		p.Pareto = !math.IsInf(float64(p.Mean), 0)
		for _, q := range f.Points {
			if q.NFE <= p.NFE && good(q.Mean) >= good(p.Mean) && (q.NFE < p.NFE || good(q.Mean) > good(p.Mean)) {
				p.Pareto = false
				break
			}
		}
	}
}
