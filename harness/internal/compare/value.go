package compare

import (
	"encoding/json"
	"fmt"
	"math"
)

// Value is a number that may be missing (NaN) or infinite; JSON gets null or a
// string then.
type Value float64

var missing = Value(math.NaN())

// Text is the number in short, or "-" where it is missing.
func (v Value) Text() string {
	if math.IsNaN(float64(v)) {
		return "-"
	}
	return fmt.Sprintf("%.4g", float64(v))
}

// MarshalJSON never fails.
func (v Value) MarshalJSON() ([]byte, error) {
	switch f := float64(v); {
	case math.IsNaN(f):
		return []byte("null"), nil
	case math.IsInf(f, 0):
		return json.Marshal(fmt.Sprint(f))
	default:
		return json.Marshal(f)
	}
}
