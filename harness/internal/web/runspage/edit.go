package runspage

import (
	"net/http"
	"slices"
	"strings"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// setTags makes the tags of one run those of the field "tags", or adds and
// removes the fields "add" and "remove" of several.
func (s *Pages) setTags(w http.ResponseWriter, r *http.Request) error {
	runs, err := s.chosen(r)
	if err != nil {
		return err
	}
	add, remove := shell.Tags(r.PostFormValue("add")), shell.Tags(r.PostFormValue("remove"))
	whole := r.PostForm.Has("tags")
	if !whole && len(add)+len(remove) == 0 {
		return shell.BadRequest("no tag is given")
	}
	for _, run := range runs {
		if whole {
			add = shell.Tags(r.PostFormValue("tags"))
			remove = slices.DeleteFunc(slices.Clone(run.Tags), func(t string) bool { return slices.Contains(add, t) })
		}
		if err := s.Store.UpdateTags(r.Context(), run.ID, add, remove); err != nil {
			return err
		}
	}
	return s.Done(w, r)
}

func (s *Pages) setNotes(w http.ResponseWriter, r *http.Request) error {
	runs, err := s.chosen(r)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := s.Store.SetNotes(r.Context(), run.ID, strings.TrimSpace(r.PostFormValue("notes"))); err != nil {
			return err
		}
	}
	return s.Done(w, r)
}

// chosen are the runs of the fields "run", each of which may name several with
// commas, once each.
func (s *Pages) chosen(r *http.Request) ([]*store.Run, error) {
	refs := shell.Listed(r.Form["run"])
	if len(refs) == 0 {
		return nil, shell.BadRequest("no run is chosen")
	}
	runs := make([]*store.Run, 0, len(refs))
	for _, ref := range refs {
		run, err := s.Store.Resolve(r.Context(), ref)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(runs, func(other *store.Run) bool { return other.ID == run.ID }) {
			runs = append(runs, run)
		}
	}
	return runs, nil
}
