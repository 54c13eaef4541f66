package compare

import (
	"math"
	"os"
	"slices"
	"testing"

	"flowharness/harness/internal/grid"
	"flowharness/harness/internal/random"
	"flowharness/harness/internal/store"
)

func TestLook(t *testing.T) {
	st := tempStore(t)
	set := func(s string) (d []store.Drawing) {
		for _, n := range []int{1, 2, 4, 8, 16, 50} {
			d = append(d, store.Drawing{Sampler: s, Steps: n, Guidance: 2, NFE: 2 * n})
		}
		return d
	}
	fm := seeds(t, st, 5, sketch{name: "fm", accuracy: 0.97, steps: 1000, settings: set("euler"), notes: "<script>alert(1)</script> plain"})
	fast := seeds(t, st, 4, sketch{name: "fast", accuracy: 0.955, steps: 600, loss: 0.25, config: "train: {lr: 0.01}", settings: set("euler")})
	runs := slices.Concat(fm, fast)
	for k, run := range runs {
		img := make([]float32, 2*11*28*28)
		for i := range img {
			c, y, x := i/784, (i%784)/28, i%28
			r := 6 + 4*random.New(1, "r", uint64(c)).Float64() + float64(k)*0.2
			img[i] = float32(-math.Tanh(math.Abs(math.Hypot(float64(x)-14, float64(y)-14)-r)-2))
		}
		png, err := grid.Encode(img, 28, 28, 2, 11)
		must(t, err)
		must(t, st.AddSample(t.Context(), run.ID, store.SampleRecord{Drawing: store.Drawing{Sampler: "heun", SamplerJSON: "{}", Steps: 20, Guidance: 2, NFE: 80, Images: 22, Seconds: 1, Step: 5}, PNG: png}))
	}
	r := compared(t, st, Options{}, runs...)
	page, err := r.HTML(t.Context(), st, func(s string) string { return s })
	must(t, err)
	os.WriteFile("/tmp/look.html", page, 0o644)
}
