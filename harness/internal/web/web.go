// Package web shows a store in a browser: pages rendered here, charts drawn here, and a little script for what a page cannot do
// by itself. It reads the store, compares with [flowharness/harness/internal/compare], and never trains.
package web

import (
	"flowharness/harness/internal/web/comparepage"
	"flowharness/harness/internal/web/results"
	"flowharness/harness/internal/web/runpage"
	"flowharness/harness/internal/web/runspage"
	"flowharness/harness/internal/web/shell"
	"flowharness/harness/internal/web/sweeppage"
)

// Options say what is served, and to whom.
type Options = shell.Options

// New returns a server of all pages that is ready to answer.
func New(o Options) *shell.Server {
	s := shell.New(o, runspage.Files, runpage.Files, comparepage.Files, sweeppage.Files)
	compared := results.New(o.Store)
	runspage.Add(s)
	runpage.Add(s)
	comparepage.Add(s, compared)
	sweeppage.Add(s, compared)
	return s
}

// ParseBasePath is [shell.ParseBasePath].
func ParseBasePath(text string) (string, error) { return shell.ParseBasePath(text) }
