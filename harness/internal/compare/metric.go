package compare

import (
	"path"
	"strings"
)

// Kind says what a metric is about. The tests of one kind are one family in
// Holm's correction.
type Kind string

// Kinds of metrics.
const (
	Loss    Kind = "loss"
	Quality Kind = "quality" // of samples
	Cost    Kind = "cost"
)

// Direction says which of two values is the better one.
type Direction string

// Directions.
const (
	Higher  Direction = "higher"
	Lower   Direction = "lower"
	Neither Direction = "" // not known: differences are shown, not judged
)

// Metric describes a metric.
type Metric struct {
	Name   string    `json:"name"`
	Kind   Kind      `json:"kind"`
	Better Direction `json:"better,omitempty"`
	// Classifier says that values of different classifiers mean different
	// things.
	Classifier bool `json:"classifier,omitempty"`
	// Detail is left out of a comparison unless it is asked for.
	Detail bool `json:"detail,omitempty"`
}

// metrics is the one table of what is known about metrics, by patterns of their
// names; the first that fits counts. The order is that of a comparison.
var metrics = []Metric{
	{Name: "accuracy", Kind: Quality, Better: Higher, Classifier: true},
	{Name: "fd_*_cnn", Kind: Quality, Better: Lower, Classifier: true},
	{Name: "kid_*_cnn", Kind: Quality, Better: Lower, Classifier: true},
	{Name: "precision", Kind: Quality, Better: Higher, Classifier: true},
	{Name: "recall", Kind: Quality, Better: Higher, Classifier: true},
	{Name: "density", Kind: Quality, Better: Higher, Classifier: true},
	{Name: "coverage", Kind: Quality, Better: Higher, Classifier: true},
	{Name: "straightness", Kind: Quality, Better: Lower},
	{Name: "straightness_relative", Kind: Quality, Better: Lower},
	{Name: "path_length_ratio", Kind: Quality, Better: Lower},
	{Name: "accuracy/*", Kind: Quality, Better: Higher, Classifier: true, Detail: true},

	{Name: ValLoss, Kind: Loss, Better: Lower},
	{Name: "val_loss", Kind: Loss, Better: Lower},
	{Name: TrainLoss, Kind: Loss, Better: Lower},
	{Name: "val/loss_bin_*", Kind: Loss, Better: Lower, Detail: true},
	{Name: "val_loss/*", Kind: Loss, Better: Lower, Detail: true},

	{Name: StepsPerSecond, Kind: Cost, Better: Higher},
	{Name: StepSeconds, Kind: Cost, Better: Lower, Detail: true},
	{Name: TrainSeconds, Kind: Cost, Better: Lower},
	{Name: SecondsPerImage, Kind: Cost, Better: Lower},
	{Name: NFE, Kind: Cost, Better: Lower},
	{Name: PeakMemory, Kind: Cost, Better: Lower, Detail: true},
}

// Names of the metrics that are not recorded under a name of their own.
const (
	TrainLoss       = "train/loss" // mean of the last 100
	ValLoss         = "val/loss"   // the last
	StepsPerSecond  = "steps_per_second"
	StepSeconds     = "step_seconds" // median
	TrainSeconds    = "train_seconds"
	SecondsPerImage = "seconds_per_image"
	NFE             = "nfe" // evaluations of the model for an image
	PeakMemory      = "peak_memory_bytes"
)

// describe finds a metric in the table. An unknown one is of quality, without a
// direction, and compared only within one classifier.
func describe(name string) Metric {
	m, _ := find(name)
	return m
}

func find(name string) (m Metric, order int) {
	for i, m := range metrics {
		if ok, _ := path.Match(m.Name, name); ok {
			m.Name = name
			return m, i
		}
	}
	return Metric{Name: name, Kind: Quality, Classifier: true}, len(metrics)
}

// better tells whether a difference is one for the better.
func (m Metric) better(difference float64) bool { return (difference > 0) == (m.Better == Higher) }

// Identifier is a metric's name as gate expressions and CSV columns spell it.
func Identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}
