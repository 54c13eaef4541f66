// Package fault says of errors what kind they are of, and what would help. The libraries say both in plain words; each front
// end answers a kind in its own way (an exit code, an HTTP status), and spells out the help in its own words (a command to
// type, a button to press).
package fault

import (
	"errors"
	"fmt"
)

// Kind is a kind of error. A failure of the program or the machine has none: "".
type Kind string

// The kinds.
const (
	Invalid     Kind = "invalid"     // what was asked for makes no sense
	Ambiguous   Kind = "ambiguous"   // what was asked for may be several things
	NotFound    Kind = "not found"   // what was asked for is not there
	Conflict    Kind = "conflict"    // what was asked for does not fit the state of things
	Forbidden   Kind = "forbidden"   // what was asked for must not be done here
	Unavailable Kind = "unavailable" // it may work later: something is busy, or full
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{Invalid, Ambiguous, NotFound, Conflict, Forbidden, Unavailable} }

// Of is the kind of an error, that of the outermost error in its chain that has one.
func Of(err error) Kind {
	var f interface{ Fault() Kind }
	if errors.As(err, &f) {
		return f.Fault()
	}
	return ""
}

// sentinel is an error to be matched with [errors.Is].
type sentinel struct {
	kind Kind
	text string
}

func (e *sentinel) Error() string { return e.text }
func (e *sentinel) Fault() Kind   { return e.kind }

// New returns an error of a kind, to be matched with [errors.Is].
func New(kind Kind, text string) error { return &sentinel{kind, text} }

// wrapped is an error with a kind, or with a remedy.
type wrapped struct {
	error
	kind   Kind
	remedy Remedy
}

func (e *wrapped) Unwrap() error  { return e.error }
func (e *wrapped) Fault() Kind    { return e.kind }
func (e *wrapped) Remedy() Remedy { return e.remedy }

// Errorf returns an error of a kind; the format is that of [fmt.Errorf].
func Errorf(kind Kind, format string, args ...any) error {
	return &wrapped{error: fmt.Errorf(format, args...), kind: kind}
}

// As returns an error as one of a kind; nil for nil.
func As(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &wrapped{error: err, kind: kind, remedy: RemedyOf(err)}
}
