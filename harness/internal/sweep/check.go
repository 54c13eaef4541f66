package sweep

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/label"
	"flowharness/harness/internal/suggest"
	"flowharness/harness/internal/yamlfile"
)

// notVaried are the config paths that do not belong into a sweep, and why.
var notVaried = map[string]string{
	"seed":  "give the seeds with seeds",
	"base":  "the base is given with base",
	"name":  "runs of a sweep are named after their variant",
	"tags":  "tags do not change a run",
	"notes": "notes do not change a run",
	"store": "all runs of a sweep are recorded in one store",
}

// pathPattern is what --set takes for a key.
var pathPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// check finds what contradicts itself in a file that could be read.
func (r *reader) check(f *File) {
	if name, err := label.Name(f.Name); err != nil {
		r.Fail("name", r.at("name"), "%v; without it a sweep is named after its file", err)
	} else {
		f.Name = name
	}
	if strings.TrimSpace(f.Base) == "" {
		r.Fail("base", r.at("base"), "a sweep needs the path of the config that it varies")
	}
	if f.Retries > maxRetries {
		r.Fail("retries", r.at("retries"), "must be from 0 to %d, got %d", maxRetries, f.Retries)
	}
	if f.Jobs > maxJobs {
		r.Fail("jobs", r.at("jobs"), "must be from 0 (the launcher's choice) to %d, got %d", maxJobs, f.Jobs)
	}
	if !slices.Contains(Launchers(), f.Launcher) {
		r.Fail("launcher", r.at("launcher"), "must be one of %s, got %q%s", strings.Join(Launchers(), ", "), yamlfile.Shorten(f.Launcher),
			suggest.DidYouMean(suggest.One(f.Launcher, Launchers())))
	}
	r.checkSearch(f)
	r.checkPaths(f)
}

// Bounds of what a file may ask for.
const (
	maxRetries = 100
	maxJobs    = 100_000
)

func (r *reader) checkSearch(f *File) {
	s := f.Search
	if s == nil {
		return
	}
	if len(f.Matrix)+len(f.Zip)+len(f.Include)+len(f.Exclude) > 0 {
		r.Fail("search", r.at("search"), "a sweep searches or goes through matrix, zip and include, not both: put fixed values into the base")
	}
	if s.Stopping.Rule != "" && !slices.Contains(comparedEarly, s.Objective.Metric) {
		r.Fail("search.objective.metric", r.at("search.objective.metric"),
			"trials are stopped by what is known of them while they train: with stopping it is one of %s, got %q",
			strings.Join(comparedEarly, ", "), s.Objective.Metric)
	}
}

// varied is a config path and the section that varies it.
type varied struct{ path, section string }

// checkPaths refuses config paths that are varied in two places or contain each
// other.
func (r *reader) checkPaths(f *File) {
	var places []varied
	for _, a := range f.Matrix {
		places = append(places, varied{a.Path, "matrix"})
	}
	for _, zip := range f.Zip {
		for _, a := range zip {
			places = append(places, varied{a.Path, "zip"})
		}
	}
	if f.Search != nil {
		for _, d := range f.Search.Space {
			places = append(places, varied{d.Path, "search.space"})
		}
	}
	own := len(places)
	known := func(path string) func(varied) bool { return func(p varied) bool { return p.path == path } }
	for _, s := range f.Include {
		for _, a := range s {
			if !slices.ContainsFunc(places, known(a.Path)) {
				places = append(places, varied{a.Path, "include"})
			}
		}
	}
	for i, p := range places {
		r.checkPath(p, places[:i])
	}
	for i, s := range f.Exclude {
		for _, a := range s {
			key := fmt.Sprintf("exclude[%d].%s", i, a.Path)
			if !pathPattern.MatchString(a.Path) {
				r.Fail(key, r.at(key), "must be a key of the config, names with dots between them, such as train.lr")
			} else if !slices.ContainsFunc(places[:own], known(a.Path)) {
				r.Fail(key, r.at(key), "neither matrix nor zip varies %s, so nothing can be excluded by it", a.Path)
			}
		}
	}
}

// checkPath refuses a path that cannot be varied, or not besides earlier ones.
func (r *reader) checkPath(p varied, earlier []varied) {
	key := yamlfile.Join(p.section, p.path)
	at := r.at(key)
	first, _, _ := strings.Cut(p.path, ".")
	if !pathPattern.MatchString(p.path) {
		r.Fail(key, at, "must be a key of the config, names with dots between them, such as train.lr")
		return
	}
	if why, ok := notVaried[first]; ok {
		r.Fail(key, at, "cannot be varied: %s", why)
	}
	for _, q := range earlier {
		switch {
		case p.path == q.path:
			r.Fail(key, at, "is varied in %s, too; a path has its values in one place", q.section)
		case contains(p.path, q.path), contains(q.path, p.path):
			r.Fail(key, at, "contradicts %q of %s: one contains the other", q.path, q.section)
		}
	}
}

// contains tells whether one config path lies within another.
func contains(outer, inner string) bool { return strings.HasPrefix(inner, outer+".") }

// at is the node of a key, or of the nearest that it lies within; or else the
// beginning of the file.
func (r *reader) at(path string) *yaml.Node { return r.Place(path, r.root) }
