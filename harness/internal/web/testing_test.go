package web_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// newStore is an empty store in a folder of its own.
func newStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// addRun records a finished run with so many steps of a falling loss.
func addRun(t testing.TB, st *store.Store, name string, seed uint64, steps int) *store.Run {
	t.Helper()
	ctx := t.Context()
	run, err := st.CreateRun(ctx, store.NewRun{Name: name, Seed: seed, Process: "flow_match", Dataset: "digits",
		ConfigHash: name, SourceYAML: "name: " + name + "\n", ResolvedYAML: "name: " + name +
			"\ntrain:\n  lr: 0.001\n", Environment: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= steps; step++ {
		w.Point("train/loss", step, 0.2+1/float64(step+int(seed)))
		w.Progress(step, steps)
	}
	if err := w.Finish(ctx, record.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	return run
}

// serve serves a store until the test ends, and returns the address of its pages,
// without a slash at the end.
func serve(t testing.TB, o web.Options) string {
	t.Helper()
	address, stop := start(t, o)
	t.Cleanup(stop)
	return address
}

// start serves a store until stop is called.
func start(t testing.TB, o web.Options) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, o)
}

func startOn(t testing.TB, l net.Listener, o web.Options) (address string, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- web.New(o).Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// browser is a tab of a real Chromium, of the given width. The test is skipped
// where none is installed; where CI is set that is a failure.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium is installed: apt-get install chromium")
		}
		t.Skip("no Chromium is installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	tab, cancelTab := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancelTab)
	if _, err := chromedp.Run(tab, chromedp.EmulateViewport(int64(width), int64(height))); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	tab, cancelTime := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(cancelTime)
	return tab
}

// soon bounds what happens in a moment on a free machine, and takes long on one that
// is busy.
const soon = 20 * time.Second

// do carries out actions in a tab.
func do(t *testing.T, tab context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, action := range actions {
		if _, err := chromedp.Run(tab, action); err != nil {
			t.Fatal(err)
		}
	}
}

// value is that of a JavaScript expression in a tab.
func value[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// eventually waits until a JavaScript condition holds in a tab.
func eventually(t *testing.T, tab context.Context, condition string, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); !value[bool](t, tab, condition); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, condition)
		}
	}
}
