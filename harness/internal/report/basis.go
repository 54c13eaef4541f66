package report

import (
	"fmt"

	"flowharness/harness/internal/compare"
)

// Basis is the verdict of a comparison, and in words what it rests on. Where there
// are too few seeds it is that of the images, on these checkpoints alone.
func Basis(c compare.Comparison) (v compare.Verdict, rests string) {
	if c.Verdict == compare.TooFewSeeds && c.Images != nil {
		e := c.Images
		return e.Verdict, fmt.Sprintf("%s over %d images of these checkpoints alone, %s: too few seeds", e.Test, e.Images, pEquals(e.PHolm))
	}
	switch {
	case c.Test != "":
		return c.Verdict, fmt.Sprintf("%s over %d and %d seeds, %s", c.Test, c.Seeds[1], c.Seeds[0], pEquals(c.PHolm))
	case c.Verdict == compare.TooFewSeeds:
		return c.Verdict, fmt.Sprintf("too few seeds to tell (%s)", seedCounts(c))
	default:
		return c.Verdict, string(c.Verdict) + ": " + c.Why
	}
}
