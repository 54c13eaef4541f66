package models_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
)

// openBackend opens "go" or "xla:cpu". The XLA plugin is taken from
// $PJRT_PLUGIN_LIBRARY_PATH, or else from where `harness backend install` puts it.
func openBackend(t testing.TB, name string) compute.Backend {
	t.Helper()
	config := name
	if name == "xla:cpu" {
		plugin := findPlugin()
		if plugin == "" {
			unavailable(t, "no XLA plugin here (make plugin installs it)")
		}
		config = "xla:" + plugin + ",shared_buffers=true" // the whole path: go-xla would download one otherwise
	}
	b, err := compute.NewWithConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
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

// goldenDir holds the reference values: $HARNESS_GOLDEN, or golden in the
// shared folder beside the repository.
func goldenDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HARNESS_GOLDEN")
	if dir == "" {
		shared := os.Getenv("HARNESS_SHARED")
		if shared == "" {
			shared = filepath.Join("..", "..", "shared")
		}
		dir = filepath.Join(shared, "golden")
	}
	if _, err := os.Stat(filepath.Join(dir, "unet.json")); err != nil {
		unavailable(t, "the reference values are absent (set HARNESS_GOLDEN): %v", err)
	}
	return dir
}

// unavailable skips the test, or fails it where nothing may be missing.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
