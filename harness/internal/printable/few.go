package printable

import (
	"fmt"
	"strings"
)

// Few joins at most n names, and says how many more there are.
func Few(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
