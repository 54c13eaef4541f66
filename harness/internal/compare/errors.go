package compare

import (
	"encoding/json"
	"errors"
	"fmt"

	"flowharness/harness/internal/fault"
)

// Option is a part of a [Request]. Front ends name it as they do: by a flag, by the label of a field.
type Option string

// The options that can be wrong.
const (
	OptionNone     Option = ""
	OptionRuns     Option = "runs"
	OptionGroupBy  Option = "group by"
	OptionMetric   Option = "metric"
	OptionSteps    Option = "steps"
	OptionGuidance Option = "guidance"
	OptionTarget   Option = "target"
)

// OptionError reports options that make no sense for the runs.
type OptionError struct {
	Option Option // OptionNone: several, or what the runs are
	Value  string // "": the option as such
	Help   fault.Remedy
	err    error
}

func (e *OptionError) Error() string {
	if e.Option == OptionNone || e.Option == OptionRuns {
		return e.err.Error()
	}
	return e.In(string(e.Option))
}

// In is the message with the option as a front end names it.
func (e *OptionError) In(name string) string {
	if e.Value != "" {
		name += " " + e.Value
	}
	return fmt.Sprintf("%s: %v", name, e.err)
}

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.err }

// Fault is [fault.Invalid].
func (e *OptionError) Fault() fault.Kind { return fault.Invalid }

// Remedy is what would help.
func (e *OptionError) Remedy() fault.Remedy { return e.Help }

// wrong is an error about an option.
func wrong(option Option, value, format string, args ...any) *OptionError {
	return &OptionError{Option: option, Value: value, err: fmt.Errorf(format, args...)}
}

// asOption makes an error one about options, if it is none yet.
func asOption(err error) error {
	var e *OptionError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &OptionError{err: err}
}

// DuplicateError reports a run that was named twice.
type DuplicateError struct{ Slug string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("run %s is named twice; a run compared with itself says nothing", e.Slug)
}

// Fault is [fault.Invalid].
func (e *DuplicateError) Fault() fault.Kind { return fault.Invalid }

// Warning is what must be known before the numbers are believed. JSON gets its text.
type Warning struct {
	Text string
	Help fault.Remedy // what would mend it; front ends have words for it
}

// String is the warning with what would mend it, in plain words.
func (w Warning) String() string {
	if w.Help.Action == "" {
		return w.Text
	}
	return w.Text + ": " + string(w.Help.Action)
}

// MarshalJSON writes the warning as text.
func (w Warning) MarshalJSON() ([]byte, error) { return json.Marshal(w.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Warning) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &w.Text) }

// note adds a warning.
func (r *Result) note(format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{Text: fmt.Sprintf(format, args...)})
}

// noteWith adds a warning with what would help.
func (r *Result) noteWith(help fault.Remedy, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{fmt.Sprintf(format, args...), help})
}
