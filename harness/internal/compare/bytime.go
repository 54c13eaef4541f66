package compare

import (
	"math"
	"strconv"

	"flowharness/harness/internal/record"
)

// LossByTime is the validation loss of a group in each part of the timesteps, all of one width, the mean over its counted runs;
// nil if there is none. One that is not known is NaN.
func (r *Result) LossByTime(group int) []float64 {
	var bins []float64
	for bin := 0; ; bin++ {
		var sum float64
		n := 0
		for _, i := range r.Groups[group].Counted {
			if v, ok := r.records[i].Scalars[record.ValLossBin+strconv.Itoa(bin)]; ok {
				sum += float64(v)
				n++
			}
		}
		if n == 0 {
			return bins
		}
		if n < len(r.Groups[group].Counted) {
			sum = math.NaN() // the mean of some runs says nothing of the group
		}
		bins = append(bins, sum/float64(n))
	}
}
