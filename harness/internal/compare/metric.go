package compare

import (
	"path"
	"regexp"
	"strings"

	"flowharness/harness/internal/record"
	"flowharness/metrics"
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
	// DependsOnCount says that values of other numbers of images, or of few, mean
	// different things.
	DependsOnCount bool `json:"depends_on_count,omitempty"`
	// Detail is left out of a comparison unless it is asked for.
	Detail bool `json:"detail,omitempty"`
}

// known lists what is known about metrics, by patterns of their names, in the
// order of a comparison: what the library metrics describes, and what is read
// off a run itself.
var known = append(described(),
	Metric{Name: TrainLoss, Kind: Loss, Better: Lower},
	Metric{Name: StepsPerSecond, Kind: Cost, Better: Higher},
	Metric{Name: ImagesPerSecond, Kind: Cost, Better: Higher, Detail: true}, // but shown where batch sizes differ
	Metric{Name: StepSeconds, Kind: Cost, Better: Lower, Detail: true},
	Metric{Name: StepRatio, Kind: Cost, Better: Lower},
	Metric{Name: TrainSeconds, Kind: Cost, Better: Lower},
	Metric{Name: SecondsPerImage, Kind: Cost, Better: Lower},
	Metric{Name: NFE, Kind: Cost, Better: Lower},
	Metric{Name: PeakMemory, Kind: Cost, Better: Lower, Detail: true},
)

// described turns the library's list into patterns: "fd_{dataset}_cnn" into
// "fd_*_cnn". Values of single classes and bins of timesteps are details.
func described() []Metric {
	var list []Metric
	for _, m := range metrics.All() {
		kind := Quality
		if strings.HasPrefix(m.Name, ValLoss) {
			kind = Loss
		}
		list = append(list, Metric{
			Name: placeholder.ReplaceAllString(m.Name, "*"), Kind: kind, Better: Direction(m.Better), Classifier: m.Classifier,
			DependsOnCount: m.DependsOnCount,
			Detail:         strings.Contains(m.Name, "{class}") || strings.Contains(m.Name, "{bin}"),
		})
	}
	return list
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// Names of the metrics that are not recorded under a name of their own.
const (
	TrainLoss       = record.TrainLoss // mean of the last 100
	ValLoss         = record.ValLoss   // the last
	StepsPerSecond  = "steps_per_second"
	ImagesPerSecond = "images_per_second" // training images: steps_per_second by the batch size
	StepSeconds     = "step_seconds"      // median
	StepRatio       = "step_ratio"        // speed as a ratio to a calibration kernel timed in the same process
	TrainSeconds    = "train_seconds"
	SecondsPerImage = "seconds_per_image"
	NFE             = "nfe" // network calls for an image
	PeakMemory      = "peak_memory_bytes"
)

// describe finds a metric in the table. An unknown one is of quality, without a
// direction, and compared only within one classifier.
func describe(name string) Metric {
	m, _ := find(name)
	return m
}

// Describe says what is known about a metric; see [Metric].
func Describe(name string) Metric { return describe(name) }

func find(name string) (m Metric, order int) {
	for i, m := range known {
		if ok, _ := path.Match(m.Name, name); ok {
			m.Name = name
			return m, i
		}
	}
	return Metric{Name: name, Kind: Quality, Classifier: true}, len(known)
}

// better tells whether a difference is one for the better.
func (m Metric) better(difference float64) bool { return (difference > 0) == (m.Better == Higher) }

// timed tells whether a metric is a time or a speed, which depends on the
// machine. The step ratio is made to be compared between machines.
func (m Metric) timed() bool {
	return m.Kind == Cost && m.Name != NFE && m.Name != PeakMemory && m.Name != StepRatio
}

// Identifier is a metric's name as gate expressions and CSV columns spell it.
func Identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}
