package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gomlx/go-xla/installer"
	"github.com/gomlx/go-xla/pjrt"

	"flowharness/harness/internal/plugin"
)

// Where go-xla's releases cannot be reached, which is common on clusters, that should show in seconds.
const (
	askTimeout   = 8 * time.Second  // for the list of a release's files
	stallTimeout = 20 * time.Second // for the next bytes of a download
)

// fetchRelease downloads the CPU plugin that go-xla's authors build and test against. go-xla's own installer knows where;
// the download is done here, because the installer's can be neither cancelled nor kept from writing to stdout.
func fetchRelease(ctx context.Context, staging string, log io.Writer) (string, plugin.Origin, error) {
	version := pjrt.DefaultCPUVersion
	url, err := releaseURL(ctx, runtime.GOOS+"_"+runtime.GOARCH, version)
	if err != nil {
		return "", plugin.Origin{}, err
	}
	dir := filepath.Join(staging, "release")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", plugin.Origin{}, err
	}
	archive := filepath.Join(dir, "plugin.tar.gz")
	if err := download(ctx, url, archive, log); err != nil {
		return "", plugin.Origin{}, fmt.Errorf("downloading %s: %w", url, err)
	}
	if _, err := installer.Untar(archive, dir); err != nil {
		return "", plugin.Origin{}, fmt.Errorf("unpacking %s: %w", url, err)
	}
	file, _, err := plugin.Find("cpu", dir)
	return file, plugin.Origin{Package: installer.BinaryCPUReleasesRepo, Version: version}, err
}

// releaseURL asks for the address of a release's archive. The installer's request takes no context; when it does not
// answer in time it is left to end by itself, which it does when the connection fails.
func releaseURL(ctx context.Context, platform, version string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %v", askTimeout))
	defer cancel()
	type answer struct {
		url string
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		url, err := installer.CPUGetDownloadURL(platform, version)
		answers <- answer{url, err}
	}()
	select {
	case a := <-answers:
		return a.url, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// download fetches a URL into a file. It ends when ctx does or when nothing arrives for stallTimeout, and tells log how
// far it is every few seconds.
func download(ctx context.Context, url, file string, log io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("nothing arrived for %v", stallTimeout)) })
	defer stalled.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return because(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	arrived := func() { stalled.Reset(stallTimeout) }
	_, err = io.Copy(out, &meter{Reader: response.Body, total: response.ContentLength, log: log, arrived: arrived, last: time.Now()})
	return errors.Join(because(ctx, err), out.Close())
}

// because replaces "context canceled" by the reason for it.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// meter reports how much has been read through it.
type meter struct {
	io.Reader
	done, total int64 // bytes; total is -1 if not known
	log         io.Writer
	arrived     func()
	last        time.Time // of the last line to log
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done += int64(n)
	if n > 0 {
		m.arrived()
	}
	if time.Since(m.last) > 3*time.Second {
		m.last = time.Now()
		fmt.Fprintf(m.log, "  %d of %d MiB\n", m.done>>20, max(m.total, m.done)>>20)
	}
	return n, err
}
