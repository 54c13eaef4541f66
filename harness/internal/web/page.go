package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// page is what every template is given.
type page struct {
	Title string
	Nav   string // the part of the site that it belongs to: "runs", "sweeps", "compare"
	Topic string // what it shows, see topic; "": it does not change
	State string // of the topic when the page was made
	Body  any

	ReadOnly bool
	Assets   string // where scripts and styles lie
	Store    string // what it is called
	Now      time.Time
}

// handler answers a request or says why it cannot.
type handler func(http.ResponseWriter, *http.Request) error

// page makes a handler's error a page.
func (s *Server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// render writes a page. Nothing is sent before it is whole.
func (s *Server) render(w http.ResponseWriter, r *http.Request, name string, p page) error {
	return s.renderStatus(w, r, http.StatusOK, name, p)
}

func (s *Server) renderStatus(w http.ResponseWriter, r *http.Request, status int, name string, p page) error {
	base := baseOf(r)
	p.ReadOnly, p.Assets, p.Store, p.Now = s.ReadOnly, base+assetPrefix+assetVersion, s.Name, s.Now()
	pages, err := templatesAt(base)
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
	status, text := statusOf(err), errorText(err)
	// A script shows the reason itself.
	if r.Method != http.MethodGet && r.Header.Get("Accept") == "text/plain" {
		refuse(w, status, text)
		return
	}
	if e := s.renderStatus(w, r, status, "error.html", page{Title: http.StatusText(status), Body: text}); e != nil {
		refuse(w, status, text)
	}
}

// writing refuses actions on a server that only shows.
func (s *Server) writing(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.ReadOnly {
			return errReadOnly
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			return badRequest("the form cannot be read: %w", err)
		}
		return h(w, r)
	}
}

// done answers an action: a script gets nothing, a form goes back to the page it
// stood on.
func (s *Server) done(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Accept") == "text/plain" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, baseOf(r)+local(r.FormValue("back")), http.StatusSeeOther)
	return nil
}

// local is a path of this server, whatever is asked for.
func local(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(target, "//") || strings.ContainsRune(target, '\\') {
		return "/"
	}
	return u.String()
}

//go:embed templates
var templateFiles embed.FS

// templates are the pages by the name of their file, each with the layout and
// the parts that pages share (templates/parts). They are never executed: see
// templatesAt.
var templates = parseTemplates()

func parseTemplates() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts/*.html"))
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err) // the files are in the binary
	}
	pages := map[string]*template.Template{}
	for _, f := range files {
		if !f.IsDir() && f.Name() != "layout.html" {
			pages[f.Name()] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, path.Join("templates", f.Name())))
		}
	}
	return pages
}
