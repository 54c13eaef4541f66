package printable

import "fmt"

// Count is a number of things in words: "1 run", "3 runs". The noun is one that
// takes an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
