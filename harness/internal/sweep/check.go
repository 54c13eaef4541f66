package sweep

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/label"
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
		r.fail("name", r.at("name"), "%v; without it a sweep is named after its file", err)
	} else {
		f.Name = name
	}
	if strings.TrimSpace(f.Base) == "" {
		r.fail("base", r.at("base"), "a sweep needs the path of the config that it varies")
	}
	if f.Retries > maxRetries {
		r.fail("retries", r.at("retries"), "must be from 0 to %d, got %d", maxRetries, f.Retries)
	}
	if f.Jobs > maxJobs {
		r.fail("jobs", r.at("jobs"), "must be from 0 (the launcher's choice) to %d, got %d", maxJobs, f.Jobs)
	}
	if !slices.Contains(Launchers(), f.Launcher) {
		r.fail("launcher", r.at("launcher"), "there is no launcher %q; use one of %s", f.Launcher, strings.Join(Launchers(), ", "))
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
		r.fail("search", r.at("search"), "a sweep searches or goes through matrix, zip and include, not both: put fixed values into the base")
	}
	if s.Stopping.Rule != "" && !slices.Contains(comparedEarly, s.Objective.Metric) {
		r.fail("search.objective.metric", r.at("search.objective", "metric"), "trials are stopped by what is known of them while they train: with stopping it is one of %s, got %q",
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
			if !pathPattern.MatchString(a.Path) {
				r.fail(fmt.Sprintf("exclude[%d].%s", i, a.Path), r.at("exclude"), "must be a key of the config, names with dots between them, such as train.lr")
			} else if !slices.ContainsFunc(places[:own], known(a.Path)) {
				r.fail(fmt.Sprintf("exclude[%d].%s", i, a.Path), r.at("exclude"), "neither matrix nor zip varies %s, so nothing can be excluded by it", a.Path)
			}
		}
	}
}

// checkPath refuses a path that cannot be varied, or not besides earlier ones.
func (r *reader) checkPath(p varied, earlier []varied) {
	key, at := join(p.section, p.path), r.at(p.section, p.path)
	first, _, _ := strings.Cut(p.path, ".")
	if !pathPattern.MatchString(p.path) {
		r.fail(key, at, "must be a key of the config, names with dots between them, such as train.lr")
		return
	}
	if why, ok := notVaried[first]; ok {
		r.fail(key, at, "cannot be varied: %s", why)
	}
	for _, q := range earlier {
		switch {
		case p.path == q.path:
			r.fail(key, at, "is varied in %s, too; a path has its values in one place", q.section)
		case contains(p.path, q.path), contains(q.path, p.path):
			r.fail(key, at, "contradicts %q of %s: one contains the other", q.path, q.section)
		}
	}
}

// contains tells whether one config path lies within another.
func contains(outer, inner string) bool { return strings.HasPrefix(inner, outer+".") }

// at is the node of a section's key, and of a path in it if that is given there
// and not in a list; or else the beginning of the file.
func (r *reader) at(section string, path ...string) *yaml.Node {
	name, value := r.root, r.root
	for _, key := range append(strings.Split(section, "."), path...) {
		if value.Kind != yaml.MappingNode {
			return name
		}
		for i := 0; i+1 < len(value.Content); i += 2 {
			if value.Content[i].Value == key {
				name, value = value.Content[i], value.Content[i+1]
				break
			}
		}
	}
	return name
}
