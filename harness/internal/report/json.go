package report

import "flowharness/harness/internal/compare"

// Document is a comparison as programs read it, as JSON: the result, with the
// sentence of each comparison.
type Document struct {
	*compare.Result
	Metrics []documentRow `json:"metrics"`
	Cost    []documentRow `json:"cost"`
}

type documentRow struct {
	compare.Row
	Comparisons []documentComparison `json:"comparisons"`
}

type documentComparison struct {
	compare.Comparison
	Sentence string `json:"sentence"`
}

// JSON is the comparison for programs.
func JSON(r *compare.Result) Document {
	return Document{r, documentRows(r.Metrics), documentRows(r.Cost)}
}

func documentRows(rows []compare.Row) []documentRow {
	list := make([]documentRow, 0, len(rows))
	for _, row := range rows {
		d := documentRow{Row: row}
		for _, c := range row.Comparisons {
			d.Comparisons = append(d.Comparisons, documentComparison{c, Sentence(row, c)})
		}
		list = append(list, d)
	}
	return list
}
