package printable

import "fmt"

// Count returns a number with a noun, such as "1 run" or "3 runs". The plural of the noun must be
// formed with an s.
func Count(n int, noun string) string { return fmt.Sprintf("%d %s", n, Noun(n, noun)) }

// Noun returns a noun as it follows a number: "run" after 1, "runs" after others.
func Noun(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
