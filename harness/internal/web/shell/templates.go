package shell

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"sync"
)

// Files are what a kind of pages brings along: templates/*.html, a page each; templates/parts/*.html, which those pages share;
// and assets, scripts and styles.
type Files struct {
	fs.FS
	Functions template.FuncMap // that the templates call, besides those of the shell
}

//go:embed templates assets
var own embed.FS

// templates are the pages by the name of their file, each with the layout and the parts that it can use. They are never
// executed, but bound to a base path first.
type templates struct {
	pages map[string]*template.Template

	mu     sync.Mutex
	byBase map[string]map[string]*template.Template
}

// maxBases bounds how many base paths are kept: proxies name them.
const maxBases = 16

// newTemplates parses what is in the binary; that it cannot is a mistake of the program.
func newTemplates(files []Files) *templates {
	t := &templates{pages: map[string]*template.Template{}, byBase: map[string]map[string]*template.Template{}}
	layout := template.Must(template.New("").Funcs(functions).ParseFS(own, "templates/layout.html", "templates/parts/*.html"))
	for _, f := range append([]Files{{FS: own}}, files...) {
		base := template.Must(layout.Clone()).Funcs(f.Functions)
		if parts, _ := fs.Glob(f, "templates/parts/*.html"); len(parts) > 0 {
			template.Must(base.ParseFS(f, parts...))
		}
		pages, _ := fs.Glob(f, "templates/*.html")
		for _, name := range pages {
			if path.Base(name) != "layout.html" {
				t.pages[path.Base(name)] = template.Must(template.Must(base.Clone()).ParseFS(f, name))
			}
		}
	}
	return t
}

// at are the pages for a base path.
func (t *templates) at(base string) (map[string]*template.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if pages := t.byBase[base]; pages != nil {
		return pages, nil
	}
	pages := maps.Clone(t.pages)
	for name, page := range pages {
		bound, err := page.Clone()
		if err != nil {
			return nil, fmt.Errorf("the template %s: %w", name, err)
		}
		pages[name] = bound.Funcs(template.FuncMap{"base": func() string { return base }})
	}
	if len(t.byBase) >= maxBases {
		clear(t.byBase)
	}
	t.byBase[base] = pages
	return pages, nil
}
