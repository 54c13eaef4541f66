package compare

import (
	"math"
	"strconv"
	"strings"

	"flowharness/harness/internal/statistics"
)

// Target is a value of val/loss or accuracy to be reached.
type Target struct {
	Metric string
	Value  float64
}

// ParseTarget reads "val/loss=0.2" or "accuracy=0.95".
func ParseTarget(text string) (Target, error) {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if name == Identifier(ValLoss) {
		name = ValLoss
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if !ok || err != nil || math.IsNaN(v) || math.IsInf(v, 0) || name != ValLoss && name != "accuracy" {
		return Target{}, wrong(OptionTarget, text, "write %s=0.2 or accuracy=0.95", ValLoss)
	}
	return Target{name, v}, nil
}

// Reached says how long training took until a value was first measured to be as
// good as the target.
type Reached struct {
	Metric string         `json:"metric"`
	Value  Value          `json:"value"`
	Groups []ReachedGroup `json:"groups"`
	Ranked bool           `json:"ranked"`
	// Timed is false where times of the runs must not be compared.
	Timed bool `json:"timed"`
}

// ReachedGroup is the mean over those runs of a group that reached it.
type ReachedGroup struct {
	Runs    int   `json:"runs"`    // that were measured along the way
	Reached int   `json:"reached"` // of those
	Steps   Value `json:"steps"`
	Images  Value `json:"images"`  // training images seen
	Seconds Value `json:"seconds"` // in training steps
}

// reachedTargets takes the targets asked for, and the best value of the group
// whose best is the worst: the furthest that all groups came.
func (r *Result) reachedTargets(asked []Target, l limits) []Reached {
	found := []Reached{}
	for _, name := range []string{ValLoss, "accuracy"} {
		m := describe(name)
		ranked := l.limit(m) == ""
		targets := make([]float64, 0, len(asked)+1)
		for _, t := range asked {
			if t.Metric == name {
				targets = append(targets, t.Value)
			}
		}
		if common, ok := r.commonBest(m); ok && ranked && len(targets) == 0 {
			targets = append(targets, common)
		}
		for _, target := range targets {
			t := Reached{Metric: name, Value: Value(target), Ranked: ranked, Timed: l.timing == ""}
			for g := range r.Groups {
				t.Groups = append(t.Groups, r.reached(m, g, target))
			}
			found = append(found, t)
		}
	}
	return found
}

// milestones lists what a run of a group measured along the way, at the group's
// setting.
func (r *Result) milestones(name string, group, run int) []Milestone {
	var list []Milestone
	s := r.Settings[group]
	for _, p := range r.records[run].reached {
		if p.Metric != name || p.Value.Missing() {
			continue
		}
		if name != ValLoss {
			e := r.records[run].evaluation(orZero(s))
			if e == nil || p.SamplerJSON != e.SamplerJSON || p.Steps != s.Steps || p.Guidance != s.Guidance {
				continue
			}
		}
		list = append(list, p)
	}
	return list
}

func (m Metric) atLeast(v, target float64) bool { return v == target || m.better(v-target) }

// commonBest is the best value that every group's runs reached on average.
func (r *Result) commonBest(m Metric) (float64, bool) {
	worst := math.NaN()
	for g, group := range r.Groups {
		measured := 0
		for _, i := range group.Counted {
			best := math.NaN()
			list := r.milestones(m.Name, g, i)
			for _, p := range list {
				if v := float64(p.Value); math.IsNaN(best) || m.better(v-best) {
					best = v
				}
			}
			if len(list) < 2 { // measured once, at the end: it was reached nobody knows when
				continue
			}
			measured++
			if math.IsNaN(worst) || !m.atLeast(best, worst) {
				worst = best
			}
		}
		if measured == 0 {
			return 0, false
		}
	}
	return worst, !math.IsNaN(worst)
}

func (r *Result) reached(m Metric, group int, target float64) ReachedGroup {
	var steps, images, seconds []float64
	found := ReachedGroup{Steps: missing, Images: missing, Seconds: missing}
	for _, i := range r.Groups[group].Counted {
		list := r.milestones(m.Name, group, i)
		if len(list) == 0 {
			continue
		}
		found.Runs++
		for _, p := range list {
			if m.atLeast(float64(p.Value), target) {
				found.Reached++
				steps = append(steps, float64(p.Step))
				if n := dietOf(r.records[i]).seen(p.Step); n > 0 {
					images = append(images, float64(n))
				}
				if s := r.records[i].clock.at(p.Step); !s.Missing() {
					seconds = append(seconds, float64(s))
				}
				break
			}
		}
	}
	if found.Reached > 0 {
		found.Steps = Value(statistics.Mean(steps))
		if len(images) == found.Reached {
			found.Images = Value(statistics.Mean(images))
		}
		if len(seconds) == found.Reached {
			found.Seconds = Value(statistics.Mean(seconds))
		}
	}
	return found
}
