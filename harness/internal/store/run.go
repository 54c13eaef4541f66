package store

import (
	"encoding/json"
	"time"

	"flowharness/harness/internal/record"
)

// Run is everything that is recorded about a run, except its series, samples and log.
type Run struct {
	RunInfo
	SourceYAML   string          // the config file as the user wrote it
	BaseYAML     string          // the config it inherits from, resolved; "" if there is none or it was not recorded
	ResolvedYAML string          // the config with all defaults and overrides, canonical
	Overrides    []string        // the --set values, in order
	Argv         []string        // the command line
	Environment  json.RawMessage // host, versions, git state, backend, dataset fingerprint
}

// RunInfo is what a list shows about a run.
type RunInfo struct {
	ID           string // ULID: sorts by creation time
	Slug         string // an id to say aloud, unique in the store, such as "brave-otter-42"
	Name         string // the config's name; several runs may share it
	Status       record.Status
	StatusReason string // why it failed, diverged, was stopped, or counts as crashed; otherwise empty
	ConfigHash   string
	CodeVersion  string // version of the program that made the run; "" if it was not recorded
	TrainedBy    string // id of the run whose training this one took over; "" if it was trained itself
	// Parent is the id of the run whose weights this one started from; "" if there is none.
	// ParentStep is the number of updates those weights had had.
	Parent     string
	ParentStep int
	Seed       uint64
	Process    string // "flow_match" or "ddpm"
	Dataset    string
	Tags       []string // sorted
	Notes      string

	CreatedAt   time.Time
	StartedAt   time.Time // start of the latest process; later than CreatedAt if the run was resumed
	EndedAt     time.Time // zero while running
	HeartbeatAt time.Time // last sign of life
	ArchivedAt  time.Time // zero if the run is not archived
	DeletedAt   time.Time // when the run was put into the trash; zero if it is not there

	LastStep        int // updates done
	TotalSteps      int // updates wanted
	PID             int
	Host            string
	PeakMemoryBytes int64 // largest resident size seen; 0 if unknown

	Loss *SeriesSummary // of "train/loss"; nil before the first point
}

// NewRun describes a run that is to be created.
type NewRun struct {
	Name         string
	Tags         []string
	Notes        string
	ConfigHash   string
	CodeVersion  string
	TrainedBy    string // see RunInfo, as the next two
	Parent       string
	ParentStep   int
	Seed         uint64
	Process      string
	Dataset      string
	SourceYAML   string
	BaseYAML     string // see Run
	ResolvedYAML string // must be a YAML mapping; its values become searchable by path
	Overrides    []string
	Argv         []string
	Environment  any // kept as JSON
}
