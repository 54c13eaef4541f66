package launch

// numbered lists n processors where their numbers are not known.
func numbered(n int) []int {
	cpus := make([]int, n)
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}
