package schedulers

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	. "github.com/gomlx/gomlx/core/graph"
)

// TestIdentityAddsNoOperation: what is neither scaled nor weighted is the network's own.
func TestIdentityAddsNoOperation(t *testing.T) {
	for _, name := range []string{FlowMatch, DDPM} {
		p, err := NewProcess(ProcessConfig{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		MustExecOnce(openBackend(t, "go"), func(sample, timestep *Node) *Node {
			output := Neg(sample)
			got := Preconditioned(p, func(input *Node) *Node {
				if input != sample {
					t.Errorf("%s: the network is given another node than the sample", name)
				}
				return output
			}, sample, timestep)
			if got != output || p.LossWeight(timestep) != nil {
				t.Errorf("%s: the prediction is another node than the network's output, or the loss is weighted", name)
			}
			return got
		}, [][]float32{{1, 2}}, []float32{3})
	}
}

// scaled takes (3x) of a sample, and 2·output + x·timestep as the prediction, whose loss counts as much as the timestep says.
type scaled struct{ flowMatch }

func (scaled) ScaleInput(sample, _ *Node) *Node { return MulScalar(sample, 3) }
func (scaled) ScaleOutput(output, sample, timestep *Node) *Node {
	return Add(MulScalar(output, 2), Mul(sample, perSample(timestep, sample)))
}
func (scaled) LossWeight(timestep *Node) *Node { return timestep }

func TestANetworkIsGivenTheScaledInputAndItsOutputIsScaled(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend compute.Backend) {
		exec := MustNewExec(backend, func(sample, target, timestep *Node) (*Node, *Node) {
			prediction := Preconditioned(scaled{}, func(input *Node) *Node { return Square(input) }, sample, timestep)
			return prediction, Loss(scaled{}, prediction, target, timestep)
		})
		defer exec.Finalize()
		prediction, loss := exec.MustCall2(tensors.FromValue([][]float32{{1, 2}, {0, -1}}), tensors.FromValue([][]float32{{20, 70},
			{1, 1}}), []float32{5, 2})
		expectRelative(t, values(t, prediction), []float32{23, 82, 0, 16}, 1e-6)
		expectRelative(t, values(t, loss), []float32{45, 720, 2, 450}, 1e-6)
	})
}

func TestAProcessThatCannotBeNamedOrSampledIsNotRegistered(t *testing.T) {
	good := Registration{Name: "good", Sampler: "euler", SampledAs: FlowMatch, Predictions: []string{"velocity"},
		Densities: []string{"uniform"},
		New:       func(c ProcessConfig) Process { return flowMatch{Base{c}} }}
	for what, break_ := range map[string]func(*Registration){
		"a name that is taken":              func(r *Registration) { r.Name = DDPM },
		"no name":                           func(r *Registration) { r.Name = "" },
		"a key's name":                      func(r *Registration) { r.Name = "shift" },
		"no predictions":                    func(r *Registration) { r.Predictions = nil },
		"no constructor":                    func(r *Registration) { r.New = nil },
		"a sampler that there is not":       func(r *Registration) { r.Sampler = "eulr" },
		"a sampler of another process":      func(r *Registration) { r.SampledAs = DDPM },
		"options that are not in a pointer": func(r *Registration) { r.Options = struct{ A int }{} },
	} {
		t.Run(what, func(t *testing.T) {
			before := processes
			defer func() {
				if recover() == nil {
					t.Error("it is registered")
				}
				processes = before
			}()
			r := good
			break_(&r)
			Register(r)
		})
	}
	before := processes
	Register(good)
	processes = before
}

// TestOptionsOfOtherProcessesStayUnset: a config holds the options of its own process, completed, and is not changed by
// copies of it.
func TestOptionsOfOtherProcessesStayUnset(t *testing.T) {
	before := processes
	t.Cleanup(func() { processes = before })
	type options struct {
		Width float64 `yaml:"width" json:"width"`
	}
	Register(Registration{Name: "wide", Sampler: "euler", SampledAs: FlowMatch, Predictions: []string{"velocity"},
		Densities: []string{"uniform"},
		Options:   &options{Width: 2}, New: func(c ProcessConfig) Process { return flowMatch{Base{c}} }})

	read := ProcessConfig{Name: "wide", Sections: NewSections()}
	read.Sections["wide"].(*options).Width = 3
	again := read
	again.SetDefaults()
	if got := OptionsOf[options](again).Width; got != 3 {
		t.Errorf("the width is %v, want 3", got)
	}
	fresh := ProcessConfig{Name: "wide"}
	fresh.SetDefaults()
	if got := OptionsOf[options](fresh).Width; got != 2 {
		t.Errorf("the default width is %v, want 2", got)
	}
	text, err := again.MarshalJSON()
	if want := `{"name":"wide","num_train_timesteps":1000,"prediction_type":"velocity","timestep_density":"uniform",` +
		`"wide":{"width":3}}`; string(text) != want || err != nil {
		t.Errorf("written as %s (%v), want %s", text, err, want)
	}

	other := ProcessConfig{Name: FlowMatch, Sections: NewSections()}
	other.SetDefaults()
	if err := other.Validate(); err != nil || other.Sections != nil {
		t.Errorf("options that nobody set are kept: %v (%v)", other.Sections, err)
	}
	read.Name = FlowMatch
	read.SetDefaults()
	expectProblems(t, read.Validate(), []string{"wide", `does not apply to process "flow_match"; remove it`})
}
