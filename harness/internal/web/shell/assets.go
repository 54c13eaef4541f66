package shell

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// assetPrefix begins the addresses of scripts and styles. It is followed by their version, so that a browser can keep them
// for good and still gets those of a newer program.
const assetPrefix = "/assets/"

// assets are the scripts and styles of all pages, by their names.
type assets struct {
	files           map[string][]byte
	styles, scripts []string // of the pages; the shell's own are named in the layout
	version         string
}

// newAssets reads what is in the binary; that it cannot is a mistake of the program.
func newAssets(files []Files) assets {
	a := assets{files: map[string][]byte{}}
	for _, f := range append([]Files{{FS: own}}, files...) {
		names, _ := fs.Glob(f, "assets/*")
		for _, name := range names {
			data, err := fs.ReadFile(f, name)
			if err != nil {
				panic(err)
			}
			base := path.Base(name)
			a.files[base] = data
			switch {
			case f.FS == own:
			case path.Ext(base) == ".css":
				a.styles = append(a.styles, base)
			case path.Ext(base) == ".js":
				a.scripts = append(a.scripts, base)
			}
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		h.Write([]byte(name))
		h.Write(a.files[name])
	}
	a.version = hex.EncodeToString(h.Sum(nil))[:12]
	return a
}

// prefix is where the assets lie.
func (a assets) prefix() string { return assetPrefix + a.version }

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, assetPrefix), "/")
	data, ok := a.files[name]
	if !ok || version != a.version {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}
