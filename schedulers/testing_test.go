package schedulers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
	"github.com/gomlx/gomlx/core/tensors"
)

// eachBackend runs a test on the pure Go backend and, where its plugin is installed, on XLA.
func eachBackend(t *testing.T, test func(t *testing.T, backend compute.Backend)) {
	for _, name := range []string{"go", "xla:cpu"} {
		t.Run(name, func(t *testing.T) { test(t, openBackend(t, name)) })
	}
}

// openBackend opens "go" or "xla:cpu". The XLA plugin is taken from
// $PJRT_PLUGIN_LIBRARY_PATH, or else from where `harness backend install` puts it.
func openBackend(t *testing.T, name string) compute.Backend {
	t.Helper()
	config := name
	if name == "xla:cpu" {
		plugin := findPlugin()
		if plugin == "" {
			missing(t, "no XLA plugin here (make plugin installs it)")
		}
		config = "xla:" + plugin + ",shared_buffers=true" // the whole path: go-xla would download one otherwise
	}
	backend, err := compute.NewWithConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

func findPlugin() string {
	places := filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH"))
	places = append(places, os.Getenv("HARNESS_PLUGIN_DIR"))
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "harness", "plugins"))
	}
	for _, dir := range places {
		found, _ := filepath.Glob(filepath.Join(dir, "pjrt_c_api_cpu*_plugin.so"))
		if dir != "" && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

func newRunner(t *testing.T, backend compute.Backend) *Runner {
	t.Helper()
	runner := NewRunner(backend)
	t.Cleanup(runner.Finalize)
	return runner
}

// goldenDir is $HARNESS_GOLDEN, or golden/ of the shared reference material.
func goldenDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HARNESS_GOLDEN")
	if dir == "" {
		shared := os.Getenv("HARNESS_SHARED")
		if shared == "" {
			shared = filepath.Join("..", "..", "shared")
		}
		dir = filepath.Join(shared, "golden")
	}
	if _, err := os.Stat(dir); err != nil {
		missing(t, "reference material is absent: "+err.Error()+"; name its folder with HARNESS_GOLDEN or HARNESS_SHARED")
	}
	return dir
}

// missing skips a test that lacks something, except in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func values(t *testing.T, tensor *tensors.Tensor) []float32 {
	t.Helper()
	flat, err := tensors.CopyFlatData[float32](tensor)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}
