package experiment

import (
	"context"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/machine"
)

// Environment is what a run is made with and on; it is recorded with the run.
type Environment struct {
	Machine machine.Facts      `json:"machine"`
	Git     machine.Git        `json:"git"`
	Backend backend.Info       `json:"backend"`
	Dataset DatasetFingerprint `json:"dataset"`
}

// DatasetFingerprint identifies the images that a run trains on.
type DatasetFingerprint struct {
	Name   string `json:"name"`
	Split  string `json:"split"`
	Images int    `json:"images"`
	SHA256 string `json:"sha256"` // over images and labels
}

func (s *session) environment(ctx context.Context) Environment {
	return Environment{
		Machine: machine.Collect(ctx),
		Git:     machine.CollectGit(ctx, "."),
		Backend: s.backend.Info,
		Dataset: DatasetFingerprint{Name: s.data.Name, Split: s.data.Split, Images: s.data.N, SHA256: s.data.Fingerprint},
	}
}
