// Package sweeppage shows sweeps: how far they are, and what their variants have come to.
package sweeppage

import (
	"embed"

	"flowharness/harness/internal/web/results"
	"flowharness/harness/internal/web/shell"
)

//go:embed templates assets
var embedded embed.FS

// Files are its templates, scripts and styles.
var Files = shell.Files{FS: embedded}

// Pages answers for the pages of this package.
type Pages struct {
	*shell.Server
	results *results.Results
}

// Add adds the pages to a server.
func Add(s *shell.Server, r *results.Results) {
	p := &Pages{Server: s, results: r}
	s.Page("GET /sweeps", p.sweepsPage)
	s.Page("GET /sweeps/{sweep}", p.sweepPage)
}
