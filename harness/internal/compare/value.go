package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Value is a number that may be missing (NaN) or infinite; JSON gets null or a
// string then.
type Value float64

var missing = Value(math.NaN())

// Missing tells whether there is no number.
func (v Value) Missing() bool { return math.IsNaN(float64(v)) }

// Text is the number in short, or "-" where it is missing.
func (v Value) Text() string {
	if v.Missing() {
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

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = missing
		return nil
	}
	text := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%s is not a number", b)
	}
	*v = Value(f)
	return nil
}
