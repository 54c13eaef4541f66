package metrics

import (
	"math"
	"strconv"
	"strings"
)

// families lists every metric, in the order values come out. Adding one takes a
// file and a line here.
var families = []family{
	accuracyFamily,
	frechetFamily,
	kernelFamily,
	manifoldFamily,
	pointsFamily,
	straightnessFamily,
	lossFamily,
}

// family are metrics that are computed together.
type family struct {
	metrics []Metric
	// compute returns the values in a fixed order, none where the input lacks
	// what they are computed from. Too few samples are a note, not an error.
	compute func(in *Input) ([]Value, error)
}

// Direction says which of two values is the better one.
type Direction string

// Directions of metrics.
const (
	Higher Direction = "higher"
	Lower  Direction = "lower"
)

// Metric describes a metric.
type Metric struct {
	// Name is the name of its values; {dataset}, {class} and {bin} stand for
	// the dataset's name and a number from 0.
	Name   string
	Better Direction
	// Classifier says that the value depends on the classifier that computed
	// predictions and features: record that one's identity beside the value. Of
	// points it is that of the points they are compared with.
	Classifier bool
	// DependsOnCount says that the value depends on the number of images, and not
	// by chance alone: compare values of equal numbers, and of large ones.
	DependsOnCount bool
	Unit           string  // empty for a plain number
	Low, High      float64 // range of the values, ±Inf where it is open
	Description    string
}

// All lists the metrics in the order of [Evaluate]'s values.
func All() []Metric {
	var all []Metric
	for _, f := range families {
		all = append(all, f.metrics...)
	}
	return all
}

// Find returns the metric that a value's name belongs to, such as
// "fd_mnist_cnn" or "accuracy/3".
func Find(name string) (Metric, bool) {
	for _, m := range All() {
		if m.matches(name) {
			return m, true
		}
	}
	return Metric{}, false
}

func (m Metric) matches(name string) bool {
	before, rest, ok := strings.Cut(m.Name, "{")
	if !ok {
		return name == m.Name
	}
	placeholder, after, _ := strings.Cut(rest, "}")
	middle, found := strings.CutPrefix(name, before)
	if middle, ok = strings.CutSuffix(middle, after); !found || !ok || middle == "" {
		return false
	}
	if placeholder == "dataset" {
		return true
	}
	n, err := strconv.Atoi(middle)
	return err == nil && n >= 0 && strconv.Itoa(n) == middle
}

var inf = math.Inf(1)
