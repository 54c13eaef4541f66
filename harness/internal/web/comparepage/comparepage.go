// Package comparepage compares runs on a page, and lets some be chosen.
package comparepage

import (
	"embed"
	"html/template"

	"flowharness/harness/internal/web/results"
	"flowharness/harness/internal/web/shell"
)

//go:embed templates assets
var embedded embed.FS

// Files are its templates, scripts and styles.
var Files = shell.Files{FS: embedded, Functions: template.FuncMap{"cell": cellClass, "headers": tableHeaders}}

// Pages answers for the pages of this package.
type Pages struct {
	*shell.Server
	results *results.Results
}

// Add adds the pages to a server.
func Add(s *shell.Server, r *results.Results) {
	p := &Pages{Server: s, results: r}
	s.Page("GET /compare", p.comparePage)
	s.Page("GET /compare/report", p.compareReport)
	s.Page("GET /compare/difference/{first}/{second}", p.compareDifference)
}
