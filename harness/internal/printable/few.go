package printable

import (
	"fmt"
	"strings"
)

// Few joins names, at most so many of them, and says how many are left out.
func Few(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
