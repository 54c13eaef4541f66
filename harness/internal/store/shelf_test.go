package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/record"
)

// shelvedRuns are named after where they lie.
func shelvedRuns(t *testing.T) (s *Store, runs map[string]*Run) {
	t.Helper()
	s, runs = openTemp(t), map[string]*Run{}
	for i, name := range []string{"active", "archived", "trashed", "both"} {
		runs[name] = recordFully(t, s, name, i, record.StatusFinished)
	}
	must(t, s.Archive(t.Context(), runs["archived"].ID, runs["both"].ID))
	must(t, s.Trash(t.Context(), runs["trashed"].ID, runs["both"].ID))
	return s, runs
}

func names(t *testing.T, s *Store, shelf Shelf) string {
	t.Helper()
	var list []string
	for _, r := range get(s.ListRuns(t.Context(), Filter{Shelf: shelf}))(t) {
		list = append(list, r.Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestEveryShelfListsItsRunsAndUndoingPutsThemBack(t *testing.T) {
	s, runs := shelvedRuns(t)
	check := func(what string, want ...string) {
		t.Helper()
		for shelf, want := range want {
			if got := names(t, s, Shelf(shelf)); got != want {
				t.Errorf("%s: on shelf %d lie %q, want %q", what, shelf, got, want)
			}
		}
	}
	check("at first", "active", "archived", "both trashed", "active archived both trashed")
	must(t, s.Restore(t.Context(), runs["both"].ID, runs["trashed"].ID, runs["active"].ID))
	check("restored", "active trashed", "archived both", "", "active archived both trashed")
	must(t, s.Unarchive(t.Context(), runs["both"].ID, runs["archived"].ID, runs["active"].ID))
	check("unarchived", "active archived both trashed", "", "", "active archived both trashed")
	if _, err := s.ListRuns(t.Context(), Filter{Shelf: 9}); err == nil || !strings.Contains(err.Error(), "shelf 9") {
		t.Errorf("of a shelf that does not exist the error is %v", err)
	}
}

func TestARunRemembersSinceWhenItIsOnItsShelf(t *testing.T) {
	s, runs := shelvedRuns(t)
	both := get(s.Run(t.Context(), runs["both"].ID))(t)
	if time.Since(both.ArchivedAt).Abs() > time.Minute || time.Since(both.DeletedAt).Abs() > time.Minute {
		t.Errorf("archived at %v, deleted at %v", both.ArchivedAt, both.DeletedAt)
	}
	if active := get(s.Run(t.Context(), runs["active"].ID))(t); !active.ArchivedAt.IsZero() || !active.DeletedAt.IsZero() {
		t.Errorf("an active run was archived at %v, deleted at %v", active.ArchivedAt, active.DeletedAt)
	}
	get(writing(t, s).Exec("UPDATE runs SET archived_at = 1000, deleted_at = 2000 WHERE id = ?", both.ID))(t)
	must(t, s.Archive(t.Context(), both.ID))
	must(t, s.Trash(t.Context(), both.ID))
	if again := get(s.Run(t.Context(), both.ID))(t); !again.ArchivedAt.Equal(time.UnixMilli(1000)) ||
		!again.DeletedAt.Equal(time.UnixMilli(2000)) {
		t.Errorf("put there again, archived at %v, deleted at %v", again.ArchivedAt, again.DeletedAt)
	}
}

func TestRunsAreShelvedAllOrNone(t *testing.T) {
	s, runs := shelvedRuns(t)
	live := newRun(t, s, "live")
	const nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	before := dump(t, s)
	for name, f := range map[string]func(context.Context, ...string) error{"archive": s.Archive, "unarchive": s.Unarchive,
		"trash": s.Trash, "restore": s.Restore} {
		err := f(t.Context(), runs["active"].ID, runs["both"].ID, nobody)
		if missing, ok := errors.AsType[*NotFoundError](err); !ok || missing.Ref != nobody {
			t.Errorf("%s: the error about an unknown run is %v", name, err)
		}
	}
	if err := s.Trash(t.Context(), runs["active"].ID, live.ID); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), live.Slug) {
		t.Errorf("the error about a live run is %v", err)
	}
	if diff := cmp.Diff(before, dump(t, s)); diff != "" {
		t.Errorf("the store changed:\n%s", diff)
	}
	readOnly := get(OpenReadOnly(t.Context(), s.Path()))(t)
	defer readOnly.Close()
	if err := readOnly.Archive(t.Context(), runs["active"].ID); !errors.Is(err, ErrReadOnly) {
		t.Errorf("archiving in a store that was opened for reading: %v", err)
	}
}

func TestATrashedRunIsFoundByItsWholeIdOrSlugOnly(t *testing.T) {
	s, runs := shelvedRuns(t)
	for _, c := range []struct{ name, ref, want string }{
		{"last run", "@1", "archived"},
		{"the one before", "@2", "active"},
		{"beyond the active and archived ones", "@3", ""},
		{"archived, by its name", "archived", "archived"},
		{"archived, by a part of its id", runs["archived"].ID[:25], "archived"},
		{"trashed, by its name", "trashed", ""},
		{"trashed, by its id", runs["trashed"].ID, "trashed"},
		{"trashed, by its slug", runs["trashed"].Slug, "trashed"},
		{"trashed, by a part of its id", runs["trashed"].ID[:25], ""},
		{"trashed, by a part of its slug", runs["trashed"].Slug[:len(runs["trashed"].Slug)-1], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, err := s.Resolve(t.Context(), c.ref)
			if _, missing := errors.AsType[*NotFoundError](err); missing != (c.want == "") {
				t.Fatalf("%q: %v", c.ref, err)
			}
			if err == nil && run.Name != c.want {
				t.Errorf("%q is %s, want %s", c.ref, run.Name, c.want)
			}
			if missing, ok := errors.AsType[*NotFoundError](err); ok && (missing.Empty || slices.Contains(missing.Nearest, runs["trashed"].Slug)) {
				t.Errorf("%q: %v", c.ref, err)
			}
		})
	}
	must(t, s.Trash(t.Context(), runs["active"].ID, runs["archived"].ID))
	if _, err := s.Resolve(t.Context(), "@1"); err == nil || strings.Contains(err.Error(), "no runs yet") {
		t.Errorf("with all runs in the trash: %v", err)
	}
}

func TestTrashedRunsAreNotMadeAndArchivedOnesAre(t *testing.T) {
	s, runs := shelvedRuns(t)
	for name, want := range map[string]int{"active": 1, "archived": 1, "trashed": 0, "both": 0} {
		if got := get(s.RunsNamed(t.Context(), name))(t); len(got) != want {
			t.Errorf("%d runs are named %s, want %d", len(got), name, want)
		}
	}
	if got := get(s.RunsOf(t.Context(), runs["active"].ConfigHash))(t); len(got) != 2 {
		t.Errorf("%d runs are of the config, want those that are active or archived", len(got))
	}
	for sweep, want := range map[string]int{"sweep 1": 1, "sweep 2": 0} {
		if got := get(s.Sweep(t.Context(), sweep))(t); len(got.Runs) != want {
			t.Errorf("%s has %d runs, want %d", sweep, len(got.Runs), want)
		}
	}
	must(t, s.Restore(t.Context(), runs["trashed"].ID))
	if got := get(s.Sweep(t.Context(), "sweep 2"))(t); len(got.Runs) != 1 {
		t.Error("a restored run does not belong to its sweep")
	}
}

func TestAResumedRunLeavesTheArchiveAndOneInTheTrashIsNotResumed(t *testing.T) {
	s := openTemp(t)
	run := recordFully(t, s, "x", 1, record.StatusInterrupted)
	must(t, s.Archive(t.Context(), run.ID))
	must(t, s.Trash(t.Context(), run.ID))
	before := dump(t, s)
	if err := s.StartResume(t.Context(), run.ID, 10); !errors.Is(err, ErrTrashed) || !strings.Contains(err.Error(), run.Slug) {
		t.Errorf("resuming in the trash: %v", err)
	}
	if diff := cmp.Diff(before, dump(t, s)); diff != "" {
		t.Errorf("the store changed:\n%s", diff)
	}
	must(t, s.Restore(t.Context(), run.ID))
	must(t, s.StartResume(t.Context(), run.ID, 10))
	if got := names(t, s, ShelfActive); got != "x" {
		t.Errorf("active are %q", got)
	}
}

func TestMergingKeepsWhereRunsLie(t *testing.T) {
	src, runs := shelvedRuns(t)
	dst := openTemp(t)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 2, Trashed: 2})
	if got := get(dst.Run(t.Context(), runs["archived"].ID))(t); got.ArchivedAt.IsZero() {
		t.Error("the archived run is not archived here")
	}
	if _, err := dst.Run(t.Context(), runs["trashed"].ID); err == nil {
		t.Error("a trashed run was merged")
	}

	// What is in both stays where it is here, whatever becomes of it there.
	going := recordFully(t, src, "going on", 7, record.StatusInterrupted)
	checkMerge(t, dst, src.Path(), MergeResult{Added: 1, Same: 2, Trashed: 2})
	must(t, dst.Unarchive(t.Context(), runs["archived"].ID))
	must(t, dst.Archive(t.Context(), going.ID))
	must(t, dst.Trash(t.Context(), going.ID, runs["active"].ID))
	must(t, src.StartResume(t.Context(), going.ID, 20))
	recordSteps(t, src, going.ID, 7, 21, 30)
	endRun(t, src, going.ID, record.StatusFinished)
	checkMerge(t, dst, src.Path(), MergeResult{Continued: 1, Same: 2, Trashed: 2})
	if got := get(dst.Run(t.Context(), going.ID))(t); got.ArchivedAt.IsZero() || got.DeletedAt.IsZero() || got.LastStep != 30 {
		t.Errorf("the continued run is archived at %v, deleted at %v, at step %d", got.ArchivedAt, got.DeletedAt, got.LastStep)
	}
	if got := names(t, dst, ShelfActive); got != "archived" {
		t.Errorf("active are %q", got)
	}
}

func TestATrashedRunIsDeletedButNotExtracted(t *testing.T) {
	s, runs := shelvedRuns(t)
	path := filepath.Join(t.TempDir(), "a.db")
	if err := s.Extract(t.Context(), runs["trashed"].ID, path); !errors.Is(err, ErrTrashed) {
		t.Errorf("extracting a trashed run: %v", err)
	}
	if left := listFolder(t, filepath.Dir(path)); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	must(t, s.Extract(t.Context(), runs["archived"].ID, path))
	if got := names(t, openAt(t, path), ShelfArchived); got != "archived" {
		t.Errorf("archived in the extract are %q", got)
	}
	must(t, s.DeleteRun(t.Context(), runs["trashed"].ID, nil))
	if got := names(t, s, ShelfTrash); got != "both" {
		t.Errorf("in the trash are %q", got)
	}
}
