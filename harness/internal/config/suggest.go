package config

import (
	"fmt"
	"strings"
)

// suggest returns the candidate nearest to what was written, or "" if none is
// near enough to have been meant.
func suggest(written string, candidates []string) string {
	best, nearest := "", 0
	for _, c := range candidates {
		d := editDistance(strings.ToLower(written), strings.ToLower(c))
		if d <= (max(len(written), len(c))+2)/3 && (best == "" || d < nearest) {
			best, nearest = c, d
		}
	}
	return best
}

// didYouMean puts a suggestion into words; nothing for "".
func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", suggestion)
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (the optimal string alignment distance).
func editDistance(a, b string) int {
	if len(a) > maxSuggested || len(b) > maxSuggested {
		return max(len(a), len(b))
	}
	var before, above []int // the two rows before the current one
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// maxSuggested bounds the work on absurdly long keys.
const maxSuggested = 64
