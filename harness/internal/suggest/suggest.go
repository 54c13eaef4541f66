// Package suggest finds what was likely meant by a name that does not exist.
package suggest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// longest bounds the work on absurdly long names, in bytes.
const longest = 256

// Nearest returns the candidates that are near enough to what was written to have been
// meant: at most a third of the letters differ, and at most one letter more than of the
// nearest. The nearest comes first, and equally near ones keep their order. Upper and lower
// case are the same.
func Nearest(written string, candidates []string) []string {
	return nearest(written, candidates, func(candidate string) int { return distance(written, candidate) })
}

// NearestPart is [Nearest] for dotted or otherwise composed names: a candidate is as near
// as the nearer of its whole name and of what part returns for it.
func NearestPart(written string, candidates []string, part func(candidate string) string) []string {
	return nearest(written, candidates, func(candidate string) int {
		return min(distance(written, candidate), distance(written, part(candidate)))
	})
}

// One returns the nearest candidate; "" if none is near enough.
func One(written string, candidates []string) string {
	if found := Nearest(written, candidates); len(found) > 0 {
		return found[0]
	}
	return ""
}

// DidYouMean puts a suggestion into words, for the end of a message; "" stays "".
func DidYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", suggestion)
}

func nearest(written string, candidates []string, distanceTo func(candidate string) int) []string {
	type near struct {
		name     string
		distance int
	}
	var list []near
	for _, c := range candidates {
		if d := distanceTo(c); d <= (max(len(written), len(c))+2)/3 && d < max(len(written), len(c)) {
			list = append(list, near{c, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, n := range list {
		if n.distance <= list[0].distance+1 {
			names = append(names, n.name)
		}
	}
	return names
}

// distance counts the letters that are inserted, deleted or replaced to turn a into b.
func distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return max(len(a), len(b))
	}
	return levenshtein.ComputeDistance(strings.ToLower(a), strings.ToLower(b))
}
