package store

import (
	"errors"
	"strings"
	"testing"
)

func TestAReferenceFindsItsRun(t *testing.T) {
	s := manyRuns(t)
	runs := get(s.ListRuns(t.Context(), Filter{}))(t)
	for _, c := range []struct {
		name, ref string
		want      int // newest first
	}{
		{"id", runs[2].ID, 2},
		{"id in small letters", strings.ToLower(runs[2].ID), 2},
		{"all of the id but its end", runs[1].ID[:25], 1},
		{"beginning in small letters", strings.ToLower(runs[1].ID[:25]), 1},
		{"slug", runs[3].Slug, 3},
		{"slug in capitals", strings.ToUpper(runs[3].Slug), 3},
		{"beginning of a slug", runs[3].Slug[:len(runs[3].Slug)-1], 3},
		{"name", "ddpm_mnist", 2},
		{"the latest run of a name, although another name begins with it", "fm_mnist", 1},
		{"last run", "@1", 0},
		{"run before it", "@2", 1},
		{"first run", "@5", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, err := s.Resolve(t.Context(), c.ref)
			if err != nil {
				t.Fatal(err)
			}
			if run.ID != runs[c.want].ID {
				t.Errorf("%q is %s, want %s", c.ref, run.Slug, runs[c.want].Slug)
			}
			if run.ResolvedYAML == "" {
				t.Error("the run has no config")
			}
		})
	}
}

func TestAnAmbiguousReferenceListsTheCandidates(t *testing.T) {
	s := manyRuns(t)
	_, err := s.Resolve(t.Context(), "0")
	ambiguous, ok := errors.AsType[*AmbiguousError](err)
	if !ok || len(ambiguous.Candidates) != 5 {
		t.Fatalf("error is %v", err)
	}
	for _, r := range get(s.ListRuns(t.Context(), Filter{}))(t) {
		for _, part := range []string{r.ID, r.Slug, r.Name, r.CreatedAt.Format("2006-01-02")} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not name %s: %v", part, err)
			}
		}
	}
	for range 30 {
		newRun(t, s, "x")
	}
	if _, err = s.Resolve(t.Context(), "0"); strings.Count(err.Error(), "\n") != maxCandidates+1 || !strings.Contains(err.Error(), "more") {
		t.Errorf("of 35 runs the error lists %v", err)
	}
}

func TestAReferenceToNothingSaysWhatIsNear(t *testing.T) {
	empty := openTemp(t)
	s := manyRuns(t)
	for _, c := range []struct {
		name, ref string
		store     *Store
		says      string
	}{
		{"misspelt name", "fm_mnits", s, "fm_mnist"},
		{"far from everything", "something else entirely", s, "the list of runs"},
		{"wildcards are themselves", "%", s, "the list of runs"},
		{"underscore is itself", "0_", s, "the list of runs"},
		{"beyond the first run", "@6", s, "@6"},
		{"before the last run", "@0", s, "@0"},
		{"not a number", "@x", s, "@x"},
		{"nothing", "", s, "which run"},
		{"odd characters", "a'b\x00c\"; --", s, "no run matches"},
		{"very long", strings.Repeat("x", 100_000), s, "no run matches"},
		{"no runs at all", "fm", empty, "no runs yet"},
		{"no last run", "@1", empty, "no runs yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.store.Resolve(t.Context(), c.ref)
			if _, ok := errors.AsType[*NotFoundError](err); !ok || !strings.Contains(explained(err), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}
