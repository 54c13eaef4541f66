package backend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDownload(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/whole":
			io.WriteString(w, "plugin")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "plug")
		case "/hangs":
			io.WriteString(w, "plug")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "file")

	if err := download(t.Context(), server.URL+"/whole", file, io.Discard); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); string(data) != "plugin" {
		t.Errorf("got %q, error %v", data, err)
	}
	if err := download(t.Context(), server.URL+"/absent", file, io.Discard); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a file that is not there: error %v", err)
	}
	if err := download(t.Context(), server.URL+"/cut", file, io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a connection that breaks: error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go cancel(enough)
	if err := download(ctx, server.URL+"/hangs", file, io.Discard); !errors.Is(err, enough) {
		t.Errorf("a download that is cancelled: error %v", err)
	}
}

func TestReleaseURLEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := releaseURL(ctx, "no_platform", "v0.0.0"); err == nil {
		t.Error("there is a release for no platform")
	}
}
