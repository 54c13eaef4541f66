package store

import "context"

// RunsNamed returns the runs with exactly this name, oldest first. Archived runs are included,
// those in the trash are not.
func (s *Store) RunsNamed(ctx context.Context, name string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.name = ? AND r.deleted_at IS NULL ORDER BY r.id", name)
	return runs, s.failure("listing the runs of a name", err)
}

// RunsOf returns the runs with one of these config hashes, oldest first. Archived runs are
// included, since archiving only hides them. Runs in the trash are not, so that they are made
// again.
func (s *Store) RunsOf(ctx context.Context, configHashes ...string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.config_hash IN (SELECT value FROM json_each(?)) AND r.deleted_at IS NULL ORDER BY r.id",
		asJSON(configHashes))
	return runs, s.failure("listing the runs of a config", err)
}
