package compare

import (
	"slices"
	"strconv"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/store"
)

// The images that references are of.
const (
	RealImages = store.ReferenceReal
	Noise      = store.ReferenceNoise
)

// Reference is a metric of images that no model drew.
type Reference struct {
	Kind   store.ReferenceKind `json:"kind"`
	Images int                 `json:"images"` // as many as samples were measured
	Value  Value               `json:"value"`
}

// imagesMeasured are the numbers of images that a group's values of a metric are
// of, one a counted run, 0 where a run has no value; nil if the metric is not one
// of samples.
func (r *Result) imagesMeasured(name string, g Group, at *Setting) []int {
	var images []int
	for k, i := range g.Counted {
		e := r.records[i].evaluation(orZero(at))
		if e == nil {
			continue
		}
		if _, ok := e.Metrics[name]; ok {
			if images == nil {
				images = make([]int, len(g.Counted))
			}
			images[k] = e.Images
		}
	}
	return images
}

// Images are the numbers of images that the metric was measured on in any group,
// each once.
func (row Row) Images() []int {
	var all []int
	for _, s := range row.Groups {
		for _, n := range s.Images {
			if n > 0 && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	slices.Sort(all)
	return all
}

// references finds a metric's values for as many real images, and images of
// noise, as the groups were measured on. Values of other numbers are no scale to
// read it on: the Fréchet distance of 200 real images is three times that of
// 1,000.
func (r *Result) references(measured []store.Reference, row Row, l limits) (list []Reference, real, noise Value) {
	list, real, noise = []Reference{}, missing, missing
	if l.classifier != "" {
		return list, real, noise // of which measure?
	}
	counts := row.Images()
	for _, images := range counts {
		for _, kind := range []store.ReferenceKind{RealImages, Noise} {
			if v := referenceValue(measured, kind, images, row.Name); !v.Missing() {
				list = append(list, Reference{kind, images, v})
			}
		}
	}
	if len(counts) != 1 {
		return list, real, noise
	}
	for _, ref := range list {
		if ref.Kind == RealImages {
			real = ref.Value
		} else {
			noise = ref.Value
		}
	}
	return list, real, noise
}

func referenceValue(measured []store.Reference, kind store.ReferenceKind, images int, metric string) Value {
	for _, ref := range measured {
		if ref.Kind != kind || ref.Images != images {
			continue
		}
		for _, m := range ref.Metrics {
			if m.Name == metric {
				return Value(m.Value)
			}
		}
	}
	return missing
}

// warnOfCounts says where samples are too few, or references are lacking of as
// many images.
func (r *Result) warnOfCounts(references []store.Reference, l limits) {
	var all, few []int
	for _, row := range r.Metrics {
		for _, n := range row.Images() {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
			if row.DependsOnCount && config.FewImages(n) != "" && !slices.Contains(few, n) {
				few = append(few, n)
			}
		}
	}
	slices.Sort(all)
	slices.Sort(few)
	for _, n := range few {
		r.noteWith(fault.Do(fault.MeasureMoreImages, r.measuredOn(n), strconv.Itoa(config.EnoughImages)), "%s", config.FewImages(n))
	}
	if l.classifier != "" {
		return // the references of which?
	}
	for _, n := range all {
		if !slices.ContainsFunc(references, func(ref store.Reference) bool { return ref.Images == n }) {
			r.noteWith(fault.Do(fault.MeasureReferences, r.measuredOn(n), strconv.Itoa(n)),
				"nobody has measured %d real images, and as many of noise, to hold the values against", n)
		}
	}
}

// measuredOn is a run of the store whose metrics are of so many images; "RUN" if there is none.
func (r *Result) measuredOn(images int) string {
	for g, group := range r.Groups {
		for _, i := range group.Counted {
			if e := r.records[i].evaluation(orZero(r.Settings[g])); e != nil && e.Images == images && !r.records[i].fromFile {
				return r.records[i].Slug
			}
		}
	}
	return "RUN"
}
