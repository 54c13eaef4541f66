package runpage

import (
	"net/http"
	"strconv"
	"strings"

	"flowharness/harness/internal/web/shell"
)

// picture serves a grid by the SHA-256 of its PNG, which never changes.
func (s *Pages) picture(w http.ResponseWriter, r *http.Request) error {
	sum, ok := strings.CutSuffix(r.PathValue("name"), ".png")
	if !ok {
		return shell.ErrNoPage
	}
	png, err := s.Store.Image(r.Context(), sum)
	if err != nil {
		return err
	}
	servePNG(w, png)
	return nil
}

// servePNG serves a picture that never changes.
func servePNG(w http.ResponseWriter, png []byte) {
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(png)))
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(png)
}
