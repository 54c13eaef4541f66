// Package modelstest holds what tests of networks share: backends, reference values and
// random inputs.
package modelstest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default" // the backends
	"github.com/gomlx/gomlx/core/tensors"
)

// OpenBackend opens "go" or "xla:cpu". The XLA plugin is taken from
// $PJRT_PLUGIN_LIBRARY_PATH, or else from where `harness backend install` puts it.
func OpenBackend(t testing.TB, name string) compute.Backend {
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

// GoldenDir holds the reference values: $HARNESS_GOLDEN, or golden in the
// shared folder beside the repository.
func GoldenDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HARNESS_GOLDEN")
	if dir == "" {
		shared := os.Getenv("HARNESS_SHARED")
		if shared == "" {
			shared = filepath.Join(moduleDir(t), "..", "shared")
		}
		dir = filepath.Join(shared, "golden")
	}
	if _, err := os.Stat(filepath.Join(dir, "unet.json")); err != nil {
		unavailable(t, "the reference values are absent (set HARNESS_GOLDEN): %v", err)
	}
	return dir
}

// moduleDir is the folder of go.mod.
func moduleDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// unavailable skips the test, or fails it where nothing may be missing.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Normal is a tensor of numbers from the standard normal distribution.
func Normal(rng *rand.Rand, dims ...int) *tensors.Tensor {
	size := 1
	for _, d := range dims {
		size *= d
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}
