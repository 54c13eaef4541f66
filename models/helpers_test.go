package models_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
)

// openBackend opens a backend by GoMLX's name. The XLA plugin is taken from
// $PJRT_PLUGIN_LIBRARY_PATH, or else from where `harness backend install` puts it.
func openBackend(t testing.TB, name string) compute.Backend {
	t.Helper()
	if os.Getenv("PJRT_PLUGIN_LIBRARY_PATH") == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", filepath.Join(cache, "harness", "plugins"))
		}
	}
	t.Setenv("GOMLX_NO_AUTO_INSTALL", "1")
	b, err := compute.NewWithConfig(name)
	if err != nil {
		unavailable(t, "no %s backend here (make plugin installs it): %v", name, err)
	}
	t.Cleanup(b.Finalize)
	return b
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
