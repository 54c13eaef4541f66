package compare

import (
	"bytes"
	"encoding/json"
	"fmt"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/record"
)

// Setting says how samples were drawn, in as far as samples of the same are compared.
type Setting struct {
	Sampler  string  `json:"sampler"` // its name, with the options that tell it from others of the name
	Steps    int     `json:"steps"`
	Guidance float64 `json:"guidance"`
}

// settingOf is the setting of a drawing.
func settingOf(d record.Drawing) Setting { return Setting{d.Sampler, d.Steps, d.Guidance} }

func (s Setting) String() string {
	return fmt.Sprintf("%s, %s, guidance %g", s.Sampler, printable.Count(s.Steps, "step"), s.Guidance)
}

// Evaluation is what was measured on the latest samples of a setting.
type Evaluation struct {
	record.Drawing        // how the samples were drawn; a file has what [evaluationFile] lists of it
	SecondsPerImage Value // of drawing them
	Dataset         string
	Classifier      string
	Metrics         map[string]Value
	StdErr          map[string]Value
	Correct         Flags
}

// Setting is that of its samples.
func (e Evaluation) Setting() Setting { return settingOf(e.Drawing) }

// evaluationFile is an evaluation as baseline files have it.
type evaluationFile struct {
	Setting
	SamplerJSON     string           `json:"sampler_config"`
	Step            int              `json:"step"`
	Seed            uint64           `json:"seed"`
	NFE             int              `json:"nfe"`
	Images          int              `json:"images"`
	SecondsPerImage Value            `json:"seconds_per_image"`
	Dataset         string           `json:"dataset"`
	Classifier      string           `json:"classifier"`
	Metrics         map[string]Value `json:"metrics"`
	StdErr          map[string]Value `json:"standard_errors,omitempty"`
	Correct         Flags            `json:"correct,omitempty"`
}

// MarshalJSON writes the evaluation as baseline files have it.
func (e Evaluation) MarshalJSON() ([]byte, error) {
	return json.Marshal(evaluationFile{e.Setting(), e.SamplerJSON, e.Step, e.Seed, e.NFE, e.Images, e.SecondsPerImage, e.Dataset, e.Classifier,
		e.Metrics, e.StdErr, e.Correct})
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses what it does not.
func (e *Evaluation) UnmarshalJSON(b []byte) error {
	var f evaluationFile
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return err
	}
	*e = Evaluation{Drawing: record.Drawing{Sampler: f.Sampler, SamplerJSON: f.SamplerJSON, Steps: f.Steps, Guidance: f.Guidance, Step: f.Step,
		Seed: f.Seed, NFE: f.NFE, Images: f.Images}, SecondsPerImage: f.SecondsPerImage, Dataset: f.Dataset, Classifier: f.Classifier,
		Metrics: f.Metrics, StdErr: f.StdErr, Correct: f.Correct}
	return nil
}
