package experiment

import (
	"context"
	"slices"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/machine"
)

// Environment is what a run is made with and on; it is recorded with the run.
type Environment struct {
	Machine machine.Facts      `json:"machine"`
	Git     machine.Git        `json:"git"`
	Backend backend.Info       `json:"backend"`
	Dataset DatasetFingerprint `json:"dataset"`
}

// DatasetFingerprint identifies the images that a run trains on, and those of the
// test split.
type DatasetFingerprint struct {
	Name   string `json:"name"`
	Split  string `json:"split"` // that it trains on
	Images int    `json:"images"`
	SHA256 string `json:"sha256"` // over images and labels
	// Test identifies the first images of the test split; nil in runs of versions
	// that did not record it.
	Test *SplitFingerprint `json:"test,omitempty"`
	// Dir and Files say what was read; absent where the program draws the images.
	Dir   string         `json:"dir,omitempty"`
	Files []dataset.File `json:"files,omitempty"`
}

// SplitFingerprint identifies images of a split.
type SplitFingerprint struct {
	Images int    `json:"images"`
	SHA256 string `json:"sha256"`
}

func fingerprintOf(train, test *dataset.Dataset) DatasetFingerprint {
	return DatasetFingerprint{Name: train.Name, Split: train.Split, Images: train.N, SHA256: train.Fingerprint,
		Test: &SplitFingerprint{Images: test.N, SHA256: test.Fingerprint}, Dir: train.Dir, Files: slices.Concat(train.Files, test.Files)}
}

func (s *session) environment(ctx context.Context) Environment {
	return Environment{
		Machine: machine.Collect(ctx),
		Git:     machine.CollectGit(ctx, "."),
		Backend: s.backend.Info,
		Dataset: fingerprintOf(s.data, s.test),
	}
}
