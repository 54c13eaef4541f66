package web

import (
	"net/http"

	"flowharness/harness/internal/store"
)

// routes is the list of all pages and actions.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, h handler) { mux.Handle(pattern, s.page(h)) }
	action := func(pattern string, h handler) { mux.Handle(pattern, s.page(s.writing(h))) }

	page("GET /{$}", s.runsPage)
	page("GET /runs/{run}", s.runPage)
	page("GET /runs/{run}/log", s.logText)
	page("GET /runs/{run}/diff", s.diffPage)
	page("GET /runs/{run}/series/{name...}", s.seriesCSV)
	page("GET /pictures/{name}", s.picture)
	page("GET /compare", s.comparePage)
	page("GET /compare/report", s.compareReport)
	page("GET /compare/difference/{first}/{second}", s.compareDifference)
	page("GET /sweeps", s.sweepsPage)
	page("GET /sweeps/{sweep}", s.sweepPage)

	action("POST /runs/tags", s.setTags)
	action("POST /runs/notes", s.setNotes)
	action("POST /runs/archive", s.shelve((*store.Store).Archive))
	action("POST /runs/unarchive", s.shelve((*store.Store).Unarchive))
	action("POST /runs/trash", s.shelve((*store.Store).Trash))
	action("POST /runs/restore", s.shelve((*store.Store).Restore))
	action("POST /runs/delete", s.deleteRuns)

	mux.HandleFunc("GET /live", s.live.stream)
	mux.Handle("GET "+assetPrefix+"{version}/{name}", assets) // no subtree, to which the mux would lead without the base path
	page("/", func(http.ResponseWriter, *http.Request) error { return errNoPage })
	return mux
}
