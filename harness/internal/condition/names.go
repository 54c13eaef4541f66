package condition

import (
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/suggest"
)

// names maps what conditions call metrics to the metrics' own names.
type names struct {
	own        []string            // in the order of a comparison
	byIdentity map[string][]string // by identifier
}

func newNames(r *compare.Result) names {
	n := names{byIdentity: map[string][]string{}}
	for _, name := range r.MetricNames() {
		n.own = append(n.own, name)
		id := compare.Identifier(name)
		n.byIdentity[id] = append(n.byIdentity[id], name)
	}
	return n
}

func functions() []string {
	return append([]string{callMetric, callBaseline, callWorse, callBetter}, builtins...)
}

// find returns the metric that a name or an identifier stands for.
func (n names) find(name string) (string, error) {
	if slices.Contains(n.own, name) {
		return name, nil
	}
	switch found := n.byIdentity[name]; len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("unknown name %q%s; there are: %s", name, n.suggest(name), strings.Join(n.identifiers(), ", "))
	default:
		return "", fmt.Errorf("%q could be any of %s: write %s(%q)", name, strings.Join(found, ", "), callMetric, found[0])
	}
}

// identifiers lists how metrics are written.
func (n names) identifiers() []string {
	var list []string
	for _, name := range n.own {
		add(&list, compare.Identifier(name))
	}
	return append(list, wordBaseline)
}

func (n names) suggest(name string) string {
	best := suggest.One(name, append(n.identifiers(), functions()...))
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
