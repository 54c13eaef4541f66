package checkpoint

import (
	"fmt"
	"math"

	"flowharness/models/nn"
)

// CheckFinite returns an error if weights, as [State.Weights] returns them, contain NaN or infinite
// values, as they do after training that diverged. Nothing can be drawn from such weights. The
// error names the first parameter with such a value.
func (s *State) CheckFinite(layout nn.Layout, average bool) error {
	flat, averaged := s.Weights(average)
	bad, first := 0, ""
	for _, p := range layout.Entries() {
		for _, v := range flat[p.Offset : p.Offset+p.Size()] {
			if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
				continue
			}
			if bad++; bad == 1 {
				first = p.Name
			}
		}
	}
	if bad == 0 {
		return nil
	}
	what := "weights"
	if averaged {
		what = "averaged weights"
	}
	return fmt.Errorf("%d of the %d %s of step %d are NaN or infinite, the first in %s: "+
		"the training diverged, and nothing can be drawn from them",
		bad, len(flat), what, s.Step, first)
}
