package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// ofTheMachine are the circumstances of a run that are those of its machine, and
// on which XLA's last bits depend.
var ofTheMachine = []string{"architecture", "CPU features", "number of CPUs", "XLA_FLAGS", "plugin", "XLA"}

// repeats RUN verifies a run that an earlier version has recorded: it must be the
// same to the last bit if this machine is of the kind that recorded it, and up to
// rounding if it is not.
func repeats(ts *testscript.TestScript, _ bool, args []string) {
	exact := verifies(ts, args[0])
	if exact.Identical {
		if exact.Steps == 0 || exact.Steps != exact.RecordedSteps || exact.Grids == 0 || len(exact.Notes) > 0 {
			ts.Fatalf("%s: %d of %d steps and %d grids were compared: %q", args[0], exact.Steps, exact.RecordedSteps, exact.Grids, exact.Notes)
		}
		return
	}
	var other []string
	for _, c := range exact.NotSame {
		matters := slices.Contains(ofTheMachine, c.What)
		if exact.onGo() {
			matters = c.What == "architecture"
		}
		if matters {
			other = append(other, c.What+" "+c.Now)
		}
	}
	if len(other) == 0 {
		ts.Fatalf("%s differs from what was recorded on a machine like this one: %s", args[0], exact.Difference)
	}
	if near := verifies(ts, args[0], "--tolerance", "1e-3"); !near.Identical {
		ts.Fatalf("%s differs by more than another machine (%s) explains: %s", args[0], strings.Join(other, ", "), near.Difference)
	}
}

// verification is what harness verify --json prints.
type verification struct {
	Identical     bool            `json:"identical"`
	Steps         int             `json:"steps"`
	RecordedSteps int             `json:"recorded_steps"`
	Grids         int             `json:"grids"`
	Difference    json.RawMessage `json:"difference"`
	NotSame       []struct {
		What, Now string
	} `json:"not_same"`
	Notes []string `json:"notes"`

	stderr string
}

// onGo tells whether the run was repeated on the pure-Go backend.
func (v verification) onGo() bool { return strings.Contains(v.stderr, ") on go, ") }

func verifies(ts *testscript.TestScript, run string, flags ...string) verification {
	failed := ts.Exec("harness", append([]string{"verify", run, "--json"}, flags...)...)
	v := verification{stderr: ts.ReadFile("stderr")}
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil || v.Identical != (failed == nil) {
		ts.Fatalf("harness verify %s: %v, %v\n%s", run, failed, err, v.stderr)
	}
	return v
}
