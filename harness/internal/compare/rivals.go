package compare

// Rivals are the groups of which it is not shown that they are worse than the first by a metric; groups without a value are
// left out. The first is the best of them only if it has none.
func (r *Result) Rivals(metric string) []int {
	var list []int
	for g := 1; g < len(r.Groups); g++ {
		if c, ok := r.ComparisonOf(metric, g); ok && c.Verdict != Worse && c.Verdict != NoValue {
			list = append(list, g)
		}
	}
	return list
}

// BetterThanNoise tells whether a mean of the metric is better than what images of noise have; true where that is not known.
func (row Row) BetterThanNoise(mean Value) bool {
	return row.Noise.Missing() || row.better(float64(mean-row.Noise))
}
