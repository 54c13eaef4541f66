// Package runpage shows one run: what it came to, how it trained, what it drew.
package runpage

import (
	"embed"
	"html/template"

	"flowharness/harness/internal/web/shell"
)

//go:embed templates assets
var embedded embed.FS

// Files are its templates, scripts and styles.
var Files = shell.Files{FS: embedded, Functions: template.FuncMap{"seconds": seconds, "percent": percent, "measured": measured,
	"steps": stepsText}}

// Pages answers for the pages of this package.
type Pages struct {
	*shell.Server
	phases phaseCache
}

// Add adds the pages to a server.
func Add(s *shell.Server) {
	p := &Pages{Server: s}
	s.Page("GET /runs/{run}", p.runPage)
	s.Page("GET /runs/{run}/log", p.logText)
	s.Page("GET /runs/{run}/diff", p.diffPage)
	s.Page("GET /runs/{run}/series/{name...}", p.seriesCSV)
	s.Page("GET /pictures/{name}", p.picture)
	s.Page("GET /pictures/{name}/cells/{cell}", p.pictureCell)
}
