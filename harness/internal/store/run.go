package store

import (
	"encoding/json"
	"time"

	"flowharness/harness/internal/record"
)

// Run is everything recorded about a run except its series, samples and log.
type Run struct {
	RunInfo
	SourceYAML   string          // the config file as the user wrote it
	BaseYAML     string          // what it inherits from, resolved by itself; "" if it does not, or that is not known
	ResolvedYAML string          // the config with all defaults and overrides, canonical
	Overrides    []string        // the --set values, in order
	Argv         []string        // the command line
	Environment  json.RawMessage // host, versions, git state, backend, dataset fingerprint
}

// RunInfo is what a list shows of a run.
type RunInfo struct {
	ID           string // ULID: sorts by creation time
	Slug         string // a sayable id, unique in the store, such as "brave-otter-42"
	Name         string // the config's name; several runs may share it
	Status       record.Status
	StatusReason string // why it failed, diverged, was stopped, or counts as crashed; otherwise empty
	ConfigHash   string
	CodeVersion  string // of the program that made it; "" if it was not recorded
	TrainedBy    string // id of the run whose training this one took over; "" if it was trained itself
	// Parent is the id of the run whose weights this one began with, and ParentStep
	// the number of updates they had behind them; "" if it began with others.
	Parent     string
	ParentStep int
	Seed       uint64
	Process    string // "flow_match" or "ddpm"
	Dataset    string
	Tags       []string // sorted
	Notes      string

	CreatedAt   time.Time
	StartedAt   time.Time // start of the process that trained last: later than CreatedAt if resumed
	EndedAt     time.Time // zero while running
	HeartbeatAt time.Time // last sign of life
	ArchivedAt  time.Time // zero if it is not archived
	DeletedAt   time.Time // when it was put into the trash; zero if it is not there

	LastStep        int // updates done
	TotalSteps      int // updates wanted
	PID             int
	Host            string
	PeakMemoryBytes int64 // largest resident size seen; 0 if unknown

	Loss *SeriesSummary // of "train/loss"; nil before the first point
}

// NewRun is what a run is created from.
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
