package shell

import (
	"errors"
	"net/http"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/fault"
)

// BadRequest is a request that makes no sense; the reader can mend it.
func BadRequest(format string, args ...any) error {
	return fault.Errorf(fault.Invalid, format, args...)
}

var (
	ErrNoPage   = fault.New(fault.NotFound, "there is no such page")
	ErrReadOnly = fault.New(fault.Forbidden, "this server shows the store and does not change it")
)

// statuses are the answers to the kinds of errors.
var statuses = map[fault.Kind]int{
	fault.Invalid:     http.StatusBadRequest,
	fault.Ambiguous:   http.StatusBadRequest,
	fault.NotFound:    http.StatusNotFound,
	fault.Conflict:    http.StatusConflict,
	fault.Forbidden:   http.StatusForbidden,
	fault.Unavailable: http.StatusServiceUnavailable,
}

// StatusOf is the answer to an error.
func StatusOf(err error) int {
	if status, ok := statuses[fault.Of(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// ErrorText is what a page says of an error: options by the labels of their fields, and what would help in plain words.
func ErrorText(err error) string {
	message := err.Error()
	var option *compare.OptionError
	if errors.As(err, &option) && option.Option != compare.OptionNone && option.Option != compare.OptionRuns {
		message = strings.Replace(message, option.Error(), option.In("“"+string(option.Option)+"”"), 1)
	}
	if help := fault.RemedyOf(err); help.Action != "" {
		message += ": " + string(help.Action)
	}
	return message
}
