package compare

import (
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// warn says what must be known before the numbers are believed.
func (r *Result) warn(references []store.Reference, l limits) {
	switch {
	case l.loss != "":
		r.note("losses are not comparable: %s", l.loss)
	case l.trainLoss != "":
		r.note("training losses are not comparable: %s", l.trainLoss)
	}
	if l.classifier != "" {
		r.note("metrics are not comparable: %s", l.classifier)
	}
	if l.timing != "" {
		r.note("timings are not comparable: %s", l.timing)
	}
	r.warnOfGroups()
	r.warnOfSampling()
	r.warnOfCounts(references, l)
	r.warnOfRuns()
}

func (r *Result) warnOfGroups() {
	if len(r.Groups) == 1 {
		r.note("the runs differ in their seed only and form one group: there is nothing to compare it with")
	}
	for _, g := range r.Groups {
		if paths := g.varying(r.records); len(paths) > 0 {
			r.note("group %s mixes runs that differ in more than their seed (%s): its spread is not that of seeds alone", g.Label, few(paths))
		}
		if same := len(g.Runs) - len(g.Counted); same > 0 {
			r.note("group %s has %d runs that repeat another's config and seed; only the latest of each counts, "+
				"since a repetition is no new observation", g.Label, same)
		}
	}
	r.warnOfBudgets()
}

// warnOfBudgets says where a step, or all of them, are not the same work.
func (r *Result) warnOfBudgets() {
	var sizes, steps, images []string
	for _, batch := range r.BatchSizes {
		sizes = append(sizes, fmt.Sprint(batch))
	}
	for i, run := range r.Runs {
		if run.TotalSteps > 0 {
			steps = addNew(steps, fmt.Sprint(run.TotalSteps))
			images = addNew(images, fmt.Sprint(dietOf(r.records[i]).seen(run.TotalSteps)))
		}
	}
	if len(sizes) > 1 {
		r.note("the runs train with different batch sizes (%s): at the same step they have not seen the same number of images; "+
			"read their losses by images seen, too", few(sizes))
	}
	switch {
	case len(sizes) > 1 && len(steps) > 1 && len(images) == 1:
		r.note("the runs train for different numbers of steps (%s), on the same number of images (%s)", few(steps), images[0])
	case len(sizes) > 1 && len(images) > 1:
		r.note("the runs train on different numbers of images (%s): final values are not those of one budget", few(images))
	case len(steps) > 1:
		r.note("the runs train for different numbers of steps (%s): curves are aligned by step and by time, "+
			"final values are not those of one budget", few(steps))
	}
}

func (r *Result) warnOfSampling() {
	var used []string
	seeds, images := []string{}, []string{}
	for i, s := range r.Settings {
		if s == nil {
			continue
		}
		used = addNew(used, s.String())
		for _, j := range r.Groups[i].Counted {
			if e := r.records[j].evaluation(*s); e != nil {
				seeds, images = addNew(seeds, fmt.Sprint(e.Seed)), addNew(images, fmt.Sprint(e.Images))
			}
		}
	}
	if len(used) > 1 {
		r.note("metrics are of different samplers or settings (%s): a difference is one of model and sampler together", strings.Join(used, "; "))
	}
	if len(images) > 1 {
		r.noteWith(fault.Do(fault.MeasureOnAsMany), "metrics are of different numbers of images (%s), and distances such as fd depend on it",
			few(images))
	}
	for i, s := range r.Settings {
		if s == nil && slices.ContainsFunc(r.Settings, func(s *Setting) bool { return s != nil }) {
			r.note("%s has no evaluation", r.Groups[i].Label)
		}
	}
	if len(seeds) > 1 || slices.ContainsFunc(r.Config, func(d Difference) bool { return d.Path == "sampling.seed" }) {
		r.note("grids do not start from the same noise: sampling.seed differs")
	}
}

func (r *Result) warnOfRuns() {
	for _, run := range r.Runs {
		if run.Status != record.StatusFinished {
			r.note("run %s is %s after %d of %d steps", run.Slug, run.Status, run.Steps, run.TotalSteps)
		}
	}
}
