package runspage

import (
	"context"
	"net/http"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/trash"
	"flowharness/harness/internal/web/shell"
)

// shelve is an action that moves the chosen runs from shelf to shelf: all or none.
func (s *Pages) shelve(move func(st *store.Store, ctx context.Context, ids ...string) error) shell.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		runs, err := s.chosen(r)
		if err != nil {
			return err
		}
		ids := make([]string, len(runs))
		for i, run := range runs {
			ids[i] = run.ID
		}
		if err := move(s.Store, r.Context(), ids...); err != nil {
			return err
		}
		return s.Done(w, r)
	}
}

// deleteRuns deletes runs of the trash for good, with their checkpoints.
func (s *Pages) deleteRuns(w http.ResponseWriter, r *http.Request) error {
	runs, err := s.chosen(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("confirm") != "yes" {
		return shell.BadRequest("deleting for good must be confirmed with confirm=yes")
	}
	list := make([]store.RunInfo, len(runs))
	for i, run := range runs {
		if run.DeletedAt.IsZero() {
			return shell.BadRequest("run %s is not in the trash: only what is there is deleted for good", run.Slug)
		}
		list[i] = run.RunInfo
	}
	if _, err := trash.Delete(r.Context(), s.Store, list...); err != nil {
		return err
	}
	return s.Done(w, r)
}
