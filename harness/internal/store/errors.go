package store

import (
	"fmt"
	"strings"
	"time"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/store/storefile"
)

// What can be wrong with the file of a store; match with [errors.Is].
var (
	ErrNotAStore   = storefile.ErrNotAStore
	ErrNewerSchema = storefile.ErrNewerSchema
	ErrCorrupt     = storefile.ErrCorrupt
	ErrReadOnly    = storefile.ErrReadOnly
	ErrLocked      = storefile.ErrLocked
	ErrFull        = storefile.ErrFull
)

// Error is a failure of the file of a store.
type Error = storefile.Error

// ErrRunning is returned for a change that is not allowed while the run is live.
var ErrRunning = fault.New(fault.Conflict, "the run is still running")

// NotFoundError says that no run matches a reference.
type NotFoundError struct {
	Ref     string
	Nearest []string // slugs and names that look like Ref
	Empty   bool     // the store has no runs at all
}

func (e *NotFoundError) Error() string {
	switch {
	case e.Ref == "":
		return "which run? give an id, the beginning of one, a name, or @1 for the last run"
	case e.Empty:
		return fmt.Sprintf("no run matches %q: the store has no runs yet", e.Ref)
	case len(e.Nearest) > 0:
		return fmt.Sprintf("no run matches %q (did you mean %s?)", e.Ref, strings.Join(e.Nearest, ", "))
	default:
		return fmt.Sprintf("no run matches %q: give an id, the beginning of one, a name, or @1 for the last run", e.Ref)
	}
}

// Fault is [fault.NotFound].
func (e *NotFoundError) Fault() fault.Kind { return fault.NotFound }

// Remedy is to look at the list of runs, unless the message already says what to do.
func (e *NotFoundError) Remedy() fault.Remedy {
	if e.Ref == "" || e.Empty || len(e.Nearest) > 0 {
		return fault.Remedy{}
	}
	return fault.Do(fault.ListRuns)
}

// AmbiguousError says that several ids begin with a reference.
type AmbiguousError struct {
	Ref        string
	Candidates []Candidate // newest first; not all if there are many
}

// Candidate is one of several runs that a reference could mean.
type Candidate struct {
	ID, Slug, Name string
	CreatedAt      time.Time
}

// Fault is [fault.Ambiguous].
func (e *AmbiguousError) Fault() fault.Kind { return fault.Ambiguous }

func (e *AmbiguousError) Error() string {
	shown, more := e.Candidates, ""
	if len(shown) > maxCandidates {
		shown, more = shown[:maxCandidates], "\n  and more"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%q is the beginning of several ids; give more of one, or a name:", e.Ref)
	for _, c := range shown {
		fmt.Fprintf(&b, "\n  %s  %s  %s  %s", c.ID, c.Slug, c.Name, c.CreatedAt.Local().Format(time.DateTime))
	}
	return b.String() + more
}
