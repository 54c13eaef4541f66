// Package speed measures how fast this program is on the machine it runs on:
// training, sampling, starting, logging, and the store's queries.
//
// Every case is measured in rounds. Before the first round and after each, a
// fixed amount of work is timed ([train.Calibration]): a round's value divided by
// the time of that work depends on the machine, and on what else it does just
// then, far less than the value itself, so that two states of the program can be
// compared that were not measured in the same hour.
package speed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/train"
)

// Options say what to measure.
type Options struct {
	// Only selects the cases whose name it matches; nil is all.
	Only   *regexp.Regexp
	Rounds int // of each case, at least 1
	// Points are what a case of logging writes, in each of its processes.
	Points  int
	Backend backend.Options
	// Full measures also what takes minutes or gigabytes.
	Full bool
	// Brief is for tests that ask only whether everything works: small models
	// and stores, rounds of the fewest steps.
	Brief bool
	// Child is the command that starts this program again to do what a [Child]
	// says, which is appended to it as JSON.
	Child []string
	// Observe is told what is being done; it may be nil.
	Observe func(message string)
}

// Result is what was measured.
type Result struct {
	Backend backend.Info
	// Calibration is the time of the fixed work in seconds, once for each time
	// that it was measured.
	Calibration Series
	Cases       []Case
}

// Case is a case that was measured, or why it was not.
type Case struct {
	Name, About string
	Measures    []Measure
	Skipped     string // why there are no measures; empty if there are
}

// Measure is one quantity that a case measures, with a value for each round.
type Measure struct {
	Name string
	Unit Unit
	Values,
	// Ratios are the values over the fixed work's time around their round: for
	// seconds how many times as long, for rates how many in that time. There are
	// none for what takes no time.
	Ratios Series
}

// Unit is what a measure is counted in.
type Unit string

// The units.
const (
	Seconds       Unit = "s"
	PointsPerTime Unit = "points/s"
	Bytes         Unit = "bytes"
	BytesPerPoint Unit = "bytes/point"
	Share         Unit = "share" // of 1
)

// ErrNoCase reports a pattern that matches no case.
var ErrNoCase = errors.New("no case matches")

// Run measures the selected cases, one after another. It writes below a folder
// of its own in the system's folder for temporary files, which it removes, also
// when ctx ends; it then returns ctx's error.
func Run(ctx context.Context, o Options) (res *Result, err error) {
	selected := o.selected()
	if len(selected) == 0 {
		return nil, fmt.Errorf("%w %q; the cases are:%s", ErrNoCase, o.Only, names())
	}
	s := &session{Options: o}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.dir, err = os.MkdirTemp("", "harness-bench-"); err != nil {
		return nil, fmt.Errorf("making a folder to measure in: %w", err)
	}
	if s.backend, err = backend.Open(o.Backend); err != nil {
		return nil, err
	}
	if s.calibration, err = train.NewCalibration(s.backend.Backend); err != nil {
		return nil, err
	}
	res = &Result{Backend: s.backend.Info}
	for _, c := range selected {
		measured, err := s.measure(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", c.name, err)
		}
		res.Cases = append(res.Cases, measured)
	}
	res.Calibration = s.calibrated
	return res, nil
}

// Names lists the cases.
func Names() []string {
	var list []string
	for _, c := range cases {
		list = append(list, c.name)
	}
	return list
}

func names() (list string) {
	for _, name := range Names() {
		list += "\n  " + name
	}
	return list
}

func (o Options) selected() (list []benchmark) {
	for _, c := range cases {
		if o.Only == nil || o.Only.MatchString(c.name) {
			list = append(list, c)
		}
	}
	return list
}
