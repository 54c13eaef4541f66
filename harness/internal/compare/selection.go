package compare

import (
	"context"
	"fmt"
	"slices"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Selection are the runs that references stand for.
type Selection struct {
	Runs  []*store.Run
	First int      // how many of them the first reference stands for
	Notes []string // what a reader of the comparison should know about the choice
}

// Select finds runs by what a user calls them. With names a config's name stands
// for all its runs that came to an end of their own, finished or diverged: to
// leave out those that diverged would flatter a variant.
func Select(ctx context.Context, st *store.Store, refs []string, names bool) (Selection, error) {
	var s Selection
	for i, ref := range refs {
		run, err := st.Resolve(ctx, ref)
		if err != nil {
			return s, err
		}
		found := []*store.Run{run}
		if names && run.Name == ref {
			if found, err = s.named(ctx, st, ref); err != nil {
				return s, err
			}
		}
		for _, one := range found {
			// A run that a name stands for may be named itself, too.
			if !names || !slices.ContainsFunc(s.Runs, func(r *store.Run) bool { return r.ID == one.ID }) {
				s.Runs = append(s.Runs, one)
			}
		}
		if i == 0 {
			s.First = len(found)
		}
	}
	return s, nil
}

func (s *Selection) named(ctx context.Context, st *store.Store, name string) ([]*store.Run, error) {
	infos, err := st.RunsNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	var runs []*store.Run
	for _, info := range infos {
		if info.Status != record.StatusFinished && info.Status != record.StatusDiverged {
			continue
		}
		run, err := st.Run(ctx, info.ID)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	if left := len(infos) - len(runs); left > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("runs named %s that are not finished are left out (%d); name one by its id to include it", name,
			left))
	}
	if len(runs) == 0 {
		err := wrong(OptionRuns, "", "no run named %s is finished", name)
		err.Help = fault.Do(fault.NameRunByID)
		return nil, err
	}
	return runs, nil
}
