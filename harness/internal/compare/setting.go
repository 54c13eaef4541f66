package compare

import (
	"cmp"
	"slices"
	"strings"
)

// chooseSettings picks the samples that a group's metrics are taken from: of the
// settings that all groups have the one with the most steps, else for each group
// the one with the most steps, if possible of a step count and guidance that all
// have.
func (r *Result) chooseSettings(o Options) error {
	for _, g := range r.Groups {
		r.Choices = append(r.Choices, r.settings(g, o))
	}
	r.Settings = make([]*Setting, len(r.Groups))
	if o.Sampler != "" || o.Steps != 0 || o.Guidance != nil {
		if !slices.ContainsFunc(r.Choices, func(c []Setting) bool { return len(c) > 0 }) {
			return r.noSuchSetting(o)
		}
	}
	measured := func(wanted func(s Setting) bool) (*Setting, bool) {
		var best *Setting
		for _, choices := range r.Choices {
			for i := range choices {
				if s := &choices[i]; wanted(*s) && (best == nil || s.Steps > best.Steps) {
					best = s
				}
			}
		}
		return best, best != nil
	}
	inAll := func(same func(a, b Setting) bool) func(s Setting) bool {
		return func(s Setting) bool {
			for _, choices := range r.Choices {
				if len(choices) > 0 && !slices.ContainsFunc(choices, func(c Setting) bool { return same(c, s) }) {
					return false
				}
			}
			return true
		}
	}
	alike := func(a, b Setting) bool { return a.Steps == b.Steps && a.Guidance == b.Guidance }
	same, ok := measured(inAll(func(a, b Setting) bool { return a == b }))
	if !ok {
		same, _ = measured(inAll(alike))
	}
	for i, choices := range r.Choices {
		for j := range choices {
			c := &choices[j]
			switch {
			case same != nil && *c == *same:
				r.Settings[i] = c
			case same != nil && alike(*c, *same) && (r.Settings[i] == nil || !alike(*r.Settings[i], *same)):
				r.Settings[i] = c
			case same == nil && (r.Settings[i] == nil || c.Steps > r.Settings[i].Steps):
				r.Settings[i] = c
			}
		}
	}
	return nil
}

// settings lists the settings at which a group was evaluated and that fit the
// options, by sampler, steps and guidance.
func (r *Result) settings(g Group, o Options) []Setting {
	found := []Setting{}
	for _, i := range g.Counted {
		for _, e := range r.records[i].Evaluations {
			if !slices.Contains(found, e.Setting()) && o.fits(e.Setting()) {
				found = append(found, e.Setting())
			}
		}
	}
	slices.SortFunc(found, compareSettings)
	return found
}

func compareSettings(a, b Setting) int {
	return cmp.Or(cmp.Compare(a.Sampler, b.Sampler), cmp.Compare(a.Steps, b.Steps), cmp.Compare(a.Guidance, b.Guidance))
}

func (o Options) fits(s Setting) bool {
	return (o.Sampler == "" || o.Sampler == s.Sampler || o.Sampler == baseName(s.Sampler)) &&
		(o.Steps == 0 || o.Steps == s.Steps) && (o.Guidance == nil || *o.Guidance == s.Guidance)
}

func (r *Result) noSuchSetting(o Options) error {
	var all []string
	for _, g := range r.Groups {
		for _, s := range r.settings(g, Options{}) {
			if text := s.String(); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	if len(all) == 0 {
		return wrong(OptionNone, "", "%w, so there are no samples to choose by sampler, steps and guidance", errNoEvaluation)
	}
	return wrong(OptionNone, "", "no evaluation fits the sampler, steps and guidance asked for; there are: %s", strings.Join(all, "; "))
}
