package runspage

import (
	"slices"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/compare"
)

// usualColumns are shown unless others are chosen, with the metrics of quality
// before "created".
var usualColumns = []string{"run", "name", "status", "seed", "step", catalog.Loss, "created", "tags", "notes"}

// usualMetrics is how many metrics are shown unless others are chosen.
const usualMetrics = 3

// usual are the keys of the usual columns of a store.
func (s *runsSnapshot) usual() []string {
	var metrics []string
	for _, name := range s.Metrics {
		if m := compare.Describe(name); m.Kind == compare.Quality && !m.Detail && len(metrics) < usualMetrics {
			metrics = append(metrics, name)
		}
	}
	return slices.Insert(slices.Clone(usualColumns), slices.Index(usualColumns, "created"), metrics...)
}
