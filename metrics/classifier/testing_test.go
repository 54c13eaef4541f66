package classifier

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
)

// openBackend opens "go" or "xla:cpu", whose plugin is taken from
// $PJRT_PLUGIN_LIBRARY_PATH, or else from where `harness backend install` puts it.
func openBackend(t testing.TB, name string) compute.Backend {
	t.Helper()
	config := name
	if name == "xla:cpu" {
		plugin := findPlugin()
		if plugin == "" {
			if os.Getenv("CI") == "true" {
				t.Fatal("no XLA plugin here (make plugin installs it)")
			}
			t.Skip("no XLA plugin here (make plugin installs it)")
		}
		config = "xla:" + plugin + ",shared_buffers=true"
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
			return found[0]
		}
	}
	return ""
}

func testWeights() []float32 {
	return Init(func(name string) *rand.Rand {
		return rand.New(rand.NewPCG(uint64(len(name)), uint64(name[len(name)-1])))
	})
}

// testImages are n images of noise in [-1, 1].
func testImages(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	images := make([]float32, n*ImageSize*ImageSize)
	for i := range images {
		images[i] = 2*rng.Float32() - 1
	}
	return images
}
