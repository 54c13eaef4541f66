package comparepage

import (
	"fmt"
	"regexp"

	"flowharness/harness/internal/report"
)

// cellClass is the class of a table's cell: that of a verdict, or of a number.
func cellClass(cell any) string {
	if class := report.VerdictClass(cell); class != "" {
		return class
	}
	if numeric.MatchString(fmt.Sprint(cell)) {
		return "number"
	}
	return ""
}

// numeric is a number of a comparison's tables, with its spread or error, an
// interval, or the dash that stands for a missing one.
var numeric = regexp.MustCompile(`^(-|[-+]?(\d[\d.e+-]*|Inf)( ± \S+| \(se \S+\))?( \*)?|\[\S+, \S+\])$`)

// tableHeader is the head of a column.
type tableHeader struct {
	Title any
	Class string // "number" above numbers
}

func tableHeaders(t report.Table) []tableHeader {
	list := make([]tableHeader, len(t.Header))
	for i, title := range t.Header {
		list[i].Title = title
		numbers, others := 0, 0
		for _, row := range t.Rows {
			switch {
			case i >= len(row) || fmt.Sprint(row[i]) == "":
			case cellClass(row[i]) == "number":
				numbers++
			default:
				others++
			}
		}
		if numbers > others {
			list[i].Class = "number"
		}
	}
	return list
}
