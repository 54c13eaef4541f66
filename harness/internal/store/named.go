package store

import "context"

// RunsNamed returns the runs with exactly this name, oldest first.
func (s *Store) RunsNamed(ctx context.Context, name string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.name = ? ORDER BY r.id", name)
	return runs, s.failure("listing the runs of a name", err)
}

// RunsOf returns the runs with one of these config hashes, oldest first.
func (s *Store) RunsOf(ctx context.Context, configHashes ...string) ([]RunInfo, error) {
	runs, err := s.selectRuns(ctx, " WHERE r.config_hash IN (SELECT value FROM json_each(?)) ORDER BY r.id", asJSON(configHashes))
	return runs, s.failure("listing the runs of a config", err)
}
