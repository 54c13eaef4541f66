package store

import "context"

// RunsNamed returns the runs with exactly this name, oldest first: archived ones,
// too, but none of the trash.
func (s *Store) RunsNamed(ctx context.Context, name string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.name = ? AND r.deleted_at IS NULL ORDER BY r.id", name)
	return runs, s.failure("listing the runs of a name", err)
}

// RunsOf returns the runs with one of these config hashes, oldest first: archived
// ones, too, since archiving is about what is seen, but none of the trash, which
// will be made again.
func (s *Store) RunsOf(ctx context.Context, configHashes ...string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.config_hash IN (SELECT value FROM json_each(?)) AND r.deleted_at IS NULL ORDER BY r.id",
		asJSON(configHashes))
	return runs, s.failure("listing the runs of a config", err)
}
