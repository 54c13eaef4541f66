package schedulers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// processes lists every process, in the order names are shown; the first is what a config means
// that names none. A new one takes a file and a line here, or a call of [Register].
var processes = []Registration{
	flowMatchProcess,
	ddpmProcess,
}

// Registration is a process's entry in the list.
type Registration struct {
	// Name selects it in a config.
	Name string
	// About is a sentence about it, for those who write configs.
	About string
	// Sampler is the name of the one it is sampled with by default.
	Sampler string
	// SampledAs is the process whose samplers sample it; "" is the process itself. A sampler needs to know what a
	// prediction (after [Process.ScaleOutput]) at a timestep means, so it must be what that process's is: the velocity
	// dx/dt of the sample at t = timestep/num_train_timesteps for flow_match; for ddpm, the noise, the data or
	// v-prediction at the timesteps of its alphas_cumprod.
	SampledAs string
	// Path, for one that is sampled as flow_match, is its path from noise to data. Samplers that must know it (dpmpp_2m and unipc
	// for flows, which work with the predicted data) are not offered for a process that leaves it nil.
	Path func(ProcessConfig) Interpolant
	// Predictions are the kinds of prediction a model of it can make, the default first.
	Predictions []string
	// Densities are the densities its training timesteps can be drawn from, the default first.
	Densities []string
	// Keys are the keys of [ProcessConfig] that it understands besides those that all processes have.
	Keys []string
	// Options, if it has any of its own, point to a struct that holds their defaults. They are a section of the config
	// named after the process. The struct's tags say what it holds, as those of ProcessConfig and the harness's Config do:
	// yaml and json (the key) and jsonschema (its range). Its method DescribeKeys says what
	// each is for. [OptionsOf] reads the tags.
	Options any
	// SetDefaults, if not nil, fills its unset Keys.
	SetDefaults func(*ProcessConfig)
	// Validate, if not nil, reports what is wrong with its Keys and Options; a problem of an option has the key NAME.KEY.
	Validate func(ProcessConfig, *Problems)
	// New makes the process from a config that has been validated.
	New func(ProcessConfig) Process
}

// Register adds a process. It panics if there is one of its name, or if it lacks what configs and samplers take from it.
func Register(r Registration) {
	if _, known := findProcess(r.Name); known {
		panic("schedulers: there is a process " + r.Name + " already")
	}
	if r.Name == "" || r.New == nil || len(r.Predictions) == 0 || len(r.Densities) == 0 {
		panic(fmt.Sprintf("schedulers: process %q needs a name, predictions, densities and New", r.Name))
	}
	if t := reflect.TypeOf(r.Options); t != nil && (t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct) {
		panic(fmt.Sprintf("schedulers: the options of process %q must be a pointer to a struct, not %s", r.Name, t))
	}
	named := func(field string) bool { return keyOf[ProcessConfig](field) == r.Name }
	if _, taken := reflect.TypeFor[ProcessConfig]().FieldByNameFunc(named); taken {
		panic(fmt.Sprintf("schedulers: process %q is named as a key of all processes is", r.Name))
	}
	as := r.SampledAs
	if as == "" {
		as = r.Name
	}
	if sampler, known := find(r.Sampler); !known || sampler.process != as {
		panic(fmt.Sprintf("schedulers: process %q is sampled as %q, which sampler %q does not sample", r.Name, as, r.Sampler))
	}
	processes = append(slices.Clip(processes), r)
}

// keyOf is the yaml key of a struct's field.
func keyOf[T any](field string) string {
	f, _ := reflect.TypeFor[T]().FieldByName(field)
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// sharedProcessKeys are the keys of a ProcessConfig that every process has.
var sharedProcessKeys = []string{"name", "num_train_timesteps", "prediction_type", "timestep_density", "loss", "huber_c"}

// NewProcess makes the process a config describes; unset fields take their defaults.
func NewProcess(config ProcessConfig) (Process, error) {
	config.SetDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	r, _ := findProcess(config.Name)
	return r.New(config), nil
}

// ProcessNames lists the processes.
func ProcessNames() []string {
	names := make([]string, 0, len(processes))
	for _, p := range processes {
		names = append(names, p.Name)
	}
	return names
}

// DefaultProcess is the name of the process of a config that names none.
func DefaultProcess() string { return processes[0].Name }

// TakesSource reports whether the paths of a process may begin with samples of any distribution, and not with noise alone:
// those of flows may, whose path is known.
func TakesSource(process string) bool {
	r, _ := findProcess(process)
	return r.Path != nil
}

// DefaultSampler is the name of the sampler that a process is sampled with by default; "" if there is
// no such process.
func DefaultSampler(process string) string {
	r, _ := findProcess(process)
	return r.Sampler
}

// PredictionTypes lists the kinds of prediction a model of a process can make, the default first, or
// those of all processes for "".
func PredictionTypes(process string) []string {
	var types []string
	for _, p := range processes {
		for _, t := range p.Predictions {
			if (process == "" || p.Name == process) && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	return types
}

// AboutProcess is a sentence about a process; "" if there is none of that name.
func AboutProcess(name string) string {
	r, _ := findProcess(name)
	return r.About
}

// SetDefaults fills the unset fields that belong to the named process.
func (c *ProcessConfig) SetDefaults() {
	setDefault(&c.NumTrainTimesteps, 1000)
	c.setLossDefaults()
	r, known := findProcess(c.Name)
	if !known {
		setDefault(&c.TimestepDensity, "uniform")
		return
	}
	c.Sections = c.Sections.completed(r.Name)
	setDefault(&c.TimestepDensity, r.Densities[0])
	setDefault(&c.PredictionType, r.Predictions[0])
	if r.SetDefaults != nil {
		r.SetDefaults(c)
	}
}

// Validate reports every problem of a config whose defaults have been set, as *ConfigError values
// joined with errors.Join; nil when there is none.
func (c ProcessConfig) Validate() error {
	var p Problems
	if !p.OneOf("name", c.Name, ProcessNames()...) {
		return p.err()
	}
	r, _ := findProcess(c.Name)
	p.Check(c.NumTrainTimesteps >= 1 && c.NumTrainTimesteps <= maxTrainTimesteps, "num_train_timesteps",
		"must be between 1 and %d, got %d", maxTrainTimesteps, c.NumTrainTimesteps)
	p.OneOf("prediction_type", c.PredictionType, r.Predictions...)
	p.OneOf("timestep_density", c.TimestepDensity, r.Densities...)
	c.validateLoss(&p)
	r.refuseOthers(c, &p)
	if r.Validate != nil {
		r.Validate(c, &p)
	}
	return p.err()
}

// maxTrainTimesteps bounds the tables of a process.
const maxTrainTimesteps = 100_000

// refuseOthers complains about options of other processes that are set.
func (r Registration) refuseOthers(c ProcessConfig, p *Problems) {
	owner := fmt.Sprintf("process %q", c.Name)
	fields := reflect.ValueOf(c)
	for i := range fields.NumField() {
		key, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("yaml"), ",")
		if key != "" && !slices.Contains(sharedProcessKeys, key) && !slices.Contains(r.Keys, key) {
			p.Unset(key, fields.Field(i).IsZero(), owner)
		}
	}
	for _, name := range c.Sections.names() {
		p.Unset(name, name == r.Name, owner)
	}
}

// samplersOf is the process that the samplers of a process are registered for.
func samplersOf(process string) string {
	if r, _ := findProcess(process); r.SampledAs != "" {
		return r.SampledAs
	}
	return process
}

// pathOf is the path of a flow, of a process that has one.
func pathOf(c ProcessConfig) Interpolant {
	r, _ := findProcess(c.Name)
	return r.Path(c)
}

func findProcess(name string) (Registration, bool) {
	for _, p := range processes {
		if p.Name == name {
			return p, true
		}
	}
	return Registration{}, false
}
