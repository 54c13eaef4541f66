package measure

import (
	"testing"

	"flowharness/harness/internal/config"
)

func TestOtherPointsOfTheDataAreNearAndNoiseIsFar(t *testing.T) {
	for _, name := range []string{"8gaussians", "swissroll"} {
		data := config.Data{Name: name}
		tools, err := Open(t.Context(), nil, data, nil) // neither a backend nor a classifier is needed
		if err != nil {
			t.Fatal(err)
		}
		defer tools.Close()
		anchors, err := tools.Anchors(t.Context(), data, 300)
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range []string{"w2", "w2_sliced", "mmd_gaussian"} {
			if real, noise := value(t, anchors.Train, metric), value(t, anchors.Noise, metric); real < -0.01 || 2*real > noise {
				t.Errorf("%s: %s of other points is %v, of noise %v", name, metric, real, noise)
			}
		}
		if name == "8gaussians" && value(t, anchors.Noise, "w2_within_classes") < value(t, anchors.Noise, "w2") {
			t.Error("within classes noise is nearer than without")
		}
		identity, err := Identity(t.Context(), data)
		if err != nil || identity != tools.identity() || len(identity) != 64 {
			t.Errorf("%s is measured by %q, not %q: %v", name, identity, tools.identity(), err)
		}
	}
}
