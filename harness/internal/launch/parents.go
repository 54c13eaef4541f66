package launch

import (
	"context"
	"fmt"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/sweep"
)

// findParents looks up the runs whose weights those of a cluster's tasks begin with: the tasks have stores of their own.
func (s *Session) findParents(ctx context.Context) error {
	s.Plan.Parents = nil
	if s.Plan.File.Launcher != sweep.LauncherSlurm {
		return nil
	}
	for _, id := range s.Plan.ParentIDs() {
		run, err := s.Store.Run(ctx, id)
		if err != nil {
			return fmt.Errorf("sweep %s: train.init_from: %w", s.Plan.File.Name, err)
		}
		s.Plan.Parents = append(s.Plan.Parents, sweep.Parent{ID: run.ID, Slug: run.Slug, ConfigHash: run.ConfigHash,
			Checkpoints: checkpoint.RunDir(s.Store.Path(), run.ID)})
	}
	return nil
}
