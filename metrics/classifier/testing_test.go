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

// Shapes of images: mnist's, and one whose sides and channels differ.
var (
	mnist = Shape{Height: 28, Width: 28, Channels: 1, Classes: 10}
	flags = Shape{Height: 10, Width: 7, Channels: 3, Classes: 4}
)

func testWeights() []float32 { return weightsOf(mnist) }

func weightsOf(s Shape) []float32 {
	return s.Init(func(name string) *rand.Rand {
		return rand.New(rand.NewPCG(uint64(len(name)), uint64(name[len(name)-1])))
	})
}

// testImages are n images of noise in [-1, 1].
func testImages(n int) []float32 { return imagesOf(mnist, n) }

func imagesOf(s Shape, n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	images := make([]float32, n*s.Pixels())
	for i := range images {
		images[i] = 2*rng.Float32() - 1
	}
	return images
}
