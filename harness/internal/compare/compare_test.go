package compare

import (
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/store"
)

func TestPrint(t *testing.T) {
	st := tempStore(t)
	fm := seeds(t, st, 5, sketch{name: "fm", accuracy: 0.97, settings: []store.Drawing{{Sampler: "euler", Steps: 1, Guidance: 2, NFE: 2}, {Sampler: "euler", Steps: 10, Guidance: 2, NFE: 20}, {Sampler: "euler", Steps: 50, Guidance: 2, NFE: 100}}})
	ddpm := seeds(t, st, 5, sketch{name: "ddpm", process: "ddpm", accuracy: 0.93, loss: 0.03})
	must(t, st.AddReference(t.Context(), store.Reference{Dataset: "mnist", Classifier: classifier, Kind: store.ReferenceReal, Images: 100, Metrics: []store.Metric{{Name: "accuracy", Value: 0.99}}}))
	r := compared(t, st, Options{GroupBy: []string{"process.name"}}, slices.Concat(fm, ddpm)...)
	for _, table := range r.Tables(strings.ToLower) {
		for _, part := range Fit(table, 120) {
			t.Log(part.Title)
			for _, row := range append([][]any{part.Header}, toRows(part)...) {
				t.Log(row...)
			}
			t.Log(part.Note)
		}
	}
	for _, s := range r.Sentences() {
		t.Log(s)
	}
	for _, s := range r.Warnings {
		t.Log("warning", s)
	}
}

func toRows(t Table) (rows [][]any) {
	for _, r := range t.Rows {
		rows = append(rows, r)
	}
	return rows
}
