package report

import (
	"fmt"

	"flowharness/harness/internal/compare"
)

// signed is a number in short, with its sign.
func signed(v compare.Value) string {
	if v.Missing() {
		return "-"
	}
	return fmt.Sprintf("%+.3g", float64(v))
}

// rounded is the nearest whole number, with all its digits.
func rounded(v compare.Value) string {
	if v.Missing() {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(v))
}
