package store

import "context"

// RunsNamed returns the runs with exactly this name, oldest first.
func (s *Store) RunsNamed(ctx context.Context, name string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.name = ? ORDER BY r.id", name)
	return runs, s.failure("listing the runs of a name", err)
}
