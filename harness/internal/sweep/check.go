package sweep

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// notVaried are the config paths that do not belong into a sweep, and why.
var notVaried = map[string]string{
	"seed":  "give the seeds with seeds",
	"base":  "the base is given with base",
	"name":  "runs of a sweep are named after their variant",
	"tags":  "tags do not change a run",
	"notes": "notes do not change a run",
	"store": "all runs of a sweep are recorded in one store",
}

// check finds what contradicts itself in a file that could be read.
func (r *reader) check(f *File, root *yaml.Node) {
	if !namePattern.MatchString(f.Name) {
		r.fail("name", at(root, "name"), "must be letters, digits and . _ + -, at most 64, got %q", f.Name)
	}
	if strings.TrimSpace(f.Base) == "" {
		r.fail("base", at(root, "base"), "a sweep needs the path of the config that it varies")
	}
	if f.Retries < 0 || f.Retries > 100 {
		r.fail("retries", at(root, "retries"), "must be from 0 to 100, got %d", f.Retries)
	}
	if f.Jobs < 0 || f.Jobs > 100_000 {
		r.fail("jobs", at(root, "jobs"), "must be from 0 (the launcher's choice) to 100000, got %d", f.Jobs)
	}
	if !slices.Contains(Launchers(), f.Launcher) {
		r.fail("launcher", at(root, "launcher"), "there is no launcher %q; use one of %s", f.Launcher, strings.Join(Launchers(), ", "))
	}
	for i, seed := range f.Seeds {
		if slices.Contains(f.Seeds[:i], seed) {
			r.fail("seeds", at(root, "seeds"), "holds %d twice", seed)
		}
		if seed > 1<<63-1 {
			r.fail("seeds", at(root, "seeds"), "a seed is at most 9223372036854775807, got %d", seed)
		}
	}
	if f.Slurm.GPUs < 0 || f.Slurm.CPUs < 0 {
		r.fail("slurm", at(root, "slurm"), "gpus and cpus must not be negative")
	}
	r.checkSearch(f, root)
	r.checkPaths(f, root)
}

func (r *reader) checkSearch(f *File, root *yaml.Node) {
	if f.Search == nil {
		return
	}
	if len(f.Matrix)+len(f.Zip)+len(f.Include)+len(f.Exclude) > 0 {
		r.fail("search", at(root, "search"), "a sweep searches or goes through matrix, zip and include, not both: put fixed values into the base")
	}
}

// checkPaths refuses config paths that are varied in two places or contain each
// other.
func (r *reader) checkPaths(f *File, root *yaml.Node) {
	type place struct{ path, section string }
	var places []place
	for _, a := range f.Matrix {
		places = append(places, place{a.Path, "matrix"})
	}
	for _, zip := range f.Zip {
		for _, a := range zip {
			places = append(places, place{a.Path, "zip"})
		}
	}
	if f.Search != nil {
		for _, d := range f.Search.Space {
			places = append(places, place{d.Path, "search"})
		}
	}
	varied := places
	for i, settings := range [][]Setting{f.Include, f.Exclude} {
		section := []string{"include", "exclude"}[i]
		for _, s := range settings {
			for _, a := range s {
				if !slices.ContainsFunc(places, func(p place) bool { return p.path == a.Path }) {
					places = append(places, place{a.Path, section})
				}
			}
		}
	}
	for i, p := range places {
		if why, ok := notVaried[p.path]; ok {
			r.fail(join(p.section, p.path), at(root, p.section), "cannot be varied: %s", why)
		}
		if p.section == "exclude" && !slices.Contains(varied, p) {
			r.fail(join(p.section, p.path), at(root, p.section), "nothing varies %s, so nothing can be excluded by it", p.path)
		}
		for _, q := range places[:i] {
			switch {
			case p.path == q.path:
				r.fail(join(p.section, p.path), at(root, p.section), "is varied in %s, too; a path has its values in one place", q.section)
			case contains(p.path, q.path), contains(q.path, p.path):
				r.fail(join(p.section, p.path), at(root, p.section), "contradicts %s of %s: one contains the other", q.path, q.section)
			}
		}
	}
}

// contains tells whether one config path lies within another.
func contains(outer, inner string) bool { return strings.HasPrefix(inner, outer+".") }

// at is the node of a top-level key, or the beginning of the file.
func at(root *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return root.Content[i]
		}
	}
	return root
}
