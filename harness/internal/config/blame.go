package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowharness/models"
	"flowharness/schedulers"
)

// fail reports a value that does not fit to those of related keys. The place is
// that of the one that was set last, which is the one that broke the peace. It
// reports nothing if one of them was refused already: what it stands for is not
// known then.
func (v *validator) fail(key string, related []string, format string, args ...any) {
	own, isSet := v.placeOf(key)
	at, found := own, isSet
	if v.decoder.isBroken(key) {
		return
	}
	for _, other := range related {
		if v.decoder.isBroken(other) {
			return
		}
		if p, ok := v.decoder.places[other]; ok && (!found || p.Layer > at.Layer) {
			at, found = p, true
		}
	}
	message := fmt.Sprintf(format, args...)
	if at != own && isSet {
		message += fmt.Sprintf(" (%s stands at %s)", key, own)
	}
	v.problems = append(v.problems, Problem{Place: at, Key: key, Message: message})
}

// setLater reports whether one of the keys was set by a later layer than key.
func (v *validator) setLater(key string, others []string) bool {
	own, _ := v.placeOf(key)
	return slices.ContainsFunc(others, func(other string) bool {
		p, ok := v.decoder.places[other]
		return ok && p.Layer > own.Layer
	})
}

// placeOf is where a key was set, as a part of a list's entry too; or else the
// section it would stand in.
func (v *validator) placeOf(key string) (p Place, isSet bool) {
	for part := key; part != ""; part = part[:max(strings.LastIndexAny(part, ".["), 0)] {
		if p, ok := v.decoder.places[part]; ok {
			return p, part == key || strings.HasSuffix(part, "]")
		}
	}
	return v.start, false
}

// libraryProblem is a problem that a library found with its config.
type libraryProblem struct {
	key, message string
	related      []string // keys that the value does not fit to
	data         bool     // it does not fit to the data
}

// libraryProblems takes the errors of a library's Validate apart.
func libraryProblems(err error) []libraryProblem {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var problems []libraryProblem
		for _, e := range joined.Unwrap() {
			problems = append(problems, libraryProblems(e)...)
		}
		return problems
	}
	var model *models.ConfigError
	var scheduler *schedulers.ConfigError
	switch {
	case errors.As(err, &model):
		return []libraryProblem{{model.Key, model.Problem, model.Related, model.Data}}
	case errors.As(err, &scheduler):
		return []libraryProblem{{key: scheduler.Key, message: scheduler.Problem}}
	case err != nil:
		return []libraryProblem{{message: err.Error()}}
	}
	return nil
}
