package storefile

import (
	"errors"
	"fmt"

	"flowharness/harness/internal/fault"
)

// What can be wrong with a store file; match with [errors.Is].
var (
	ErrNotAStore   = errors.New("not a harness store")
	ErrNewerSchema = errors.New("the store was written by a newer harness")
	ErrCorrupt     = errors.New("the store is damaged")
	ErrReadOnly    = errors.New("the store cannot be written")
	ErrLocked      = errors.New("the store is locked by another process")
	ErrFull        = errors.New("the disk is full")
)

// Error is a failure of the store file.
type Error struct {
	Kind error  // one of the sentinel errors above
	Op   string // what was being done, such as "recording points"
	Path string // the store file
	Help fault.Remedy
	Err  error // the cause; nil if Kind says everything
}

func (e *Error) Error() string {
	msg := fmt.Sprintf("%s: %v: %s", e.Op, e.Kind, e.Path)
	if e.Err != nil {
		msg += fmt.Sprintf(" (%v)", e.Err)
	}
	return msg
}

// Fault is Unavailable for a store that is locked or full and may be written later, and Forbidden
// for one that must not be written.
func (e *Error) Fault() fault.Kind {
	switch e.Kind {
	case ErrLocked, ErrFull:
		return fault.Unavailable
	case ErrReadOnly:
		return fault.Forbidden
	}
	return ""
}

// Remedy is what the user can do.
func (e *Error) Remedy() fault.Remedy { return e.Help }

// Unwrap gives [errors.Is] and [errors.As] the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }
