package printable

import "fmt"

// Count returns a number with a noun, such as "1 run" or "3 runs". The plural of the noun must be
// formed with an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
