package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assetPrefix begins the addresses of scripts and styles. It is followed by
// their version, so that a browser can keep them for good and still gets those
// of a newer program.
const assetPrefix = "/assets/"

var assetVersion = hashFiles(assetFiles)

// assets serves scripts and styles.
var assets = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, assetPrefix), "/")
	data, err := assetFiles.ReadFile(path.Join("assets", name))
	if err != nil || version != assetVersion {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
})

func hashFiles(files fs.FS) string {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		h.Write([]byte(name))
		h.Write(data)
		return err
	})
	if err != nil {
		panic(err) // the files are in the binary
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
