package compare

import (
	"encoding/json"
	"fmt"
	"strings"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Record is what a comparison knows of one run. Baseline files keep records as
// JSON.
type Record struct {
	Run
	Process string `json:"process"`
	Dataset string `json:"dataset"`
	// Config and Environment hold values by path, as JSON.
	Config      map[string]string `json:"config"`
	Environment map[string]string `json:"environment"`
	// Scalars are the metrics of the run as a whole, Evaluations those of its
	// samples.
	Scalars     map[string]Value `json:"metrics"`
	Evaluations []Evaluation     `json:"evaluations"`

	samples  []store.Sample // not kept in files, as are the curves
	curve    Curve
	clock    clock
	fromFile bool
	reached  []Milestone
}

// points says whether the run's samples are points in the plane.
func (r *Record) points() bool { return r.Config["sampling.points"] != "" }

// Run is one of the compared runs.
type Run struct {
	ID         string        `json:"id"`
	Slug       string        `json:"slug"`
	Name       string        `json:"name"`
	Tags       []string      `json:"tags,omitempty"`
	Notes      string        `json:"notes,omitempty"`
	Status     record.Status `json:"status"`
	ConfigHash string        `json:"config_hash"`
	Seed       uint64        `json:"seed"`
	Steps      int           `json:"steps"`
	TotalSteps int           `json:"total_steps"`
	LastLoss   Value         `json:"loss"`          // of the last step
	LateLoss   Value         `json:"loss_last100"`  // mean of the last 100 steps
	BestLoss   Value         `json:"loss_min"`      // of any step
	StepTime   Value         `json:"step_seconds"`  // median
	TrainTime  Value         `json:"train_seconds"` // all steps together
	PeakMemory int64         `json:"peak_memory_bytes"`
	// BatchSize and ImagesSeen, training images until the last step, follow from
	// config and data: a [Result] has them, a record has not. 0: not known.
	BatchSize  int `json:"batch_size,omitempty"`
	ImagesSeen int `json:"images_seen,omitempty"`
}

// Flags says of each image whether it was read as the class asked for. As JSON
// it is a string of ones and zeros.
type Flags []bool

// MarshalJSON writes a string of ones and zeros.
func (f Flags) MarshalJSON() ([]byte, error) {
	text := make([]byte, len(f))
	for i, set := range f {
		text[i] = '0'
		if set {
			text[i] = '1'
		}
	}
	return json.Marshal(string(text))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Flags) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*f = make(Flags, len(text))
	for i, c := range []byte(text) {
		switch c {
		case '1':
			(*f)[i] = true
		case '0':
		default:
			return fmt.Errorf("character %d is %q, not 0 or 1", i+1, c)
		}
	}
	return nil
}

// evaluation is the record's evaluation of a setting; nil if it has none.
func (r *Record) evaluation(s Setting) *Evaluation {
	for i := range r.Evaluations {
		if r.Evaluations[i].Setting() == s {
			return &r.Evaluations[i]
		}
	}
	return nil
}

// value is a metric's value, the samples' at the setting; missing if the record
// has none.
func (r *Record) value(name string, at Setting) Value {
	if v, ok := r.Scalars[name]; ok {
		return v
	}
	if name == ImagesPerSecond {
		return r.imagesPerSecond()
	}
	e := r.evaluation(at)
	if e == nil {
		return missing
	}
	switch name {
	case SecondsPerImage:
		return e.SecondsPerImage
	case NFE:
		return Value(e.NFE)
	}
	if v, ok := e.Metrics[name]; ok {
		return v
	}
	return missing
}

// imagesPerSecond follows from the steps of a second, so that records of before it
// was there have it, too.
func (r *Record) imagesPerSecond() Value {
	steps, ok := r.Scalars[StepsPerSecond]
	if batch := dietOf(*r).batch; ok && batch > 0 {
		return steps * Value(batch)
	}
	return missing
}

// baseName is a sampler's name without options.
func baseName(label string) string {
	name, _, _ := strings.Cut(label, "(")
	return name
}

// FromFile marks a record that was read from a file: it has no curves or grids.
func (r Record) FromFile() Record {
	r.fromFile = true
	return r
}
