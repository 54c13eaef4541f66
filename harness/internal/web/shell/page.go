package shell

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PageData is what every template is given.
type PageData struct {
	Title string
	Nav   string // the part of the site that it belongs to: "runs", "sweeps", "compare"
	Topic string // what it shows, see [Topic]; "": it does not change
	State string // of the topic when the page was made
	Body  any

	ReadOnly bool
	Assets   string   // where scripts and styles lie
	Styles   []string // of the pages, and
	Scripts  []string // their scripts
	Store    string   // what it is called
	Now      time.Time
}

// Handler answers a request or says why it cannot.
type Handler func(http.ResponseWriter, *http.Request) error

// Page adds pages that are shown at the addresses of a pattern, see [http.ServeMux].
func (s *Server) Page(pattern string, h Handler) { s.mux.Handle(pattern, s.answer(h)) }

// Action adds an action that changes the store; it is refused where the server only shows.
func (s *Server) Action(pattern string, h Handler) { s.mux.Handle(pattern, s.answer(s.writing(h))) }

// answer makes a handler's error a page.
func (s *Server) answer(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// Render writes a page. Nothing is sent before it is whole.
func (s *Server) Render(w http.ResponseWriter, r *http.Request, name string, p PageData) error {
	return s.RenderStatus(w, r, http.StatusOK, name, p)
}

// RenderStatus is [Server.Render] with another status than 200.
func (s *Server) RenderStatus(w http.ResponseWriter, r *http.Request, status int, name string, p PageData) error {
	base := BaseOf(r)
	p.ReadOnly, p.Assets, p.Store, p.Now = s.ReadOnly, base+s.assets.prefix(), s.Name, s.Now()
	p.Styles, p.Scripts = s.assets.styles, s.assets.scripts
	pages, err := s.templates.at(base)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout.html", p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a reader who has left cannot be told
	return nil
}

// fail is the one place where errors become answers.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		// Nobody is there any more, or the server ends: an empty page would be shown.
		refuse(w, http.StatusServiceUnavailable, "the server is ending")
		return
	}
	status, text := StatusOf(err), ErrorText(err)
	// A script shows the reason itself.
	if r.Method != http.MethodGet && r.Header.Get("Accept") == "text/plain" {
		refuse(w, status, text)
		return
	}
	if e := s.RenderStatus(w, r, status, "error.html", PageData{Title: http.StatusText(status), Body: text}); e != nil {
		refuse(w, status, text)
	}
}

// writing refuses actions on a server that only shows.
func (s *Server) writing(h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.ReadOnly {
			return ErrReadOnly
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			return BadRequest("the form cannot be read: %w", err)
		}
		return h(w, r)
	}
}

// Done answers an action: a script gets nothing, a form goes back to the page it
// stood on.
func (s *Server) Done(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Accept") == "text/plain" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, BaseOf(r)+local(r.FormValue("back")), http.StatusSeeOther)
	return nil
}

// local is a path of this server, whatever is asked for.
func local(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(target, "//") ||
		strings.ContainsRune(target, '\\') {
		return "/"
	}
	return u.String()
}
