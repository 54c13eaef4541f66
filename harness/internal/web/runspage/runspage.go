// Package runspage shows the runs of a store in a table, sorted, filtered and grouped, and changes what is noted of them.
package runspage

import (
	"context"
	"embed"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

//go:embed templates assets
var embedded embed.FS

// Files are its templates, scripts and styles.
var Files = shell.Files{FS: embedded}

// Pages answers for the pages of this package.
type Pages struct {
	*shell.Server
	runs *catalog.Catalog
}

// Add adds the pages to a server.
func Add(s *shell.Server) {
	p := &Pages{Server: s, runs: catalog.New(s.Store)}
	s.Page("GET /{$}", p.runsPage)
	s.Action("POST /runs/tags", p.setTags)
	s.Action("POST /runs/notes", p.setNotes)
	s.Action("POST /runs/archive", p.shelve((*store.Store).Archive))
	s.Action("POST /runs/unarchive", p.shelve((*store.Store).Unarchive))
	s.Action("POST /runs/trash", p.shelve((*store.Store).Trash))
	s.Action("POST /runs/restore", p.shelve((*store.Store).Restore))
	s.Action("POST /runs/delete", p.deleteRuns)
	s.OnServe(func(watch *store.Watch) func(context.Context) {
		p.runs.Follow(watch)
		return p.warm
	})
}
