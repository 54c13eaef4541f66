package schedulers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// processes lists every process, in the order names are shown; the first is what a config means
// that names none. A new one takes a file and a line here.
var processes = []processRegistration{
	flowMatchProcess,
	ddpmProcess,
}

// processRegistration is a process's entry in the list.
type processRegistration struct {
	// name selects it in a config.
	name string
	// about is a sentence about it, for those who write configs.
	about string
	// sampler is the name of the one it is sampled with by default.
	sampler string
	// samplersOf is the process whose samplers sample it: what its model predicts, at the timesteps
	// that it is trained on, must mean to them what that process's does. "" is the process itself.
	samplersOf string
	// predictions are the kinds of prediction a model of it can make, the default first.
	predictions []string
	// densities are the densities its training timesteps can be drawn from, the default first.
	densities []string
	// options are the config keys it understands besides those that all processes have.
	options []string
	// setDefaults fills its options.
	setDefaults func(*ProcessConfig)
	// validate reports what is wrong with its options.
	validate func(ProcessConfig, *problems)
	// new makes the process from a config that has been validated.
	new func(ProcessConfig) Process
}

// sharedProcessKeys are the keys of a ProcessConfig that every process has.
var sharedProcessKeys = []string{"name", "num_train_timesteps", "prediction_type", "timestep_density"}

// NewProcess makes the process a config describes; unset fields take their defaults.
func NewProcess(config ProcessConfig) (Process, error) {
	config.SetDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	r, _ := findProcess(config.Name)
	return r.new(config), nil
}

// ProcessNames lists the processes.
func ProcessNames() []string {
	names := make([]string, 0, len(processes))
	for _, p := range processes {
		names = append(names, p.name)
	}
	return names
}

// DefaultProcess is the name of the process of a config that names none.
func DefaultProcess() string { return processes[0].name }

// DefaultSampler is the name of the sampler that a process is sampled with by default; "" if there is
// no such process.
func DefaultSampler(process string) string {
	r, _ := findProcess(process)
	return r.sampler
}

// PredictionTypes lists the kinds of prediction a model of a process can make, the default first, or
// those of all processes for "".
func PredictionTypes(process string) []string {
	var types []string
	for _, p := range processes {
		for _, t := range p.predictions {
			if (process == "" || p.name == process) && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	return types
}

// AboutProcess is a sentence about a process; "" if there is none of that name.
func AboutProcess(name string) string {
	r, _ := findProcess(name)
	return r.about
}

// SetDefaults fills the unset fields that belong to the named process.
func (c *ProcessConfig) SetDefaults() {
	setDefault(&c.NumTrainTimesteps, 1000)
	r, known := findProcess(c.Name)
	if !known {
		setDefault(&c.TimestepDensity, "uniform")
		return
	}
	setDefault(&c.TimestepDensity, r.densities[0])
	setDefault(&c.PredictionType, r.predictions[0])
	if r.setDefaults != nil {
		r.setDefaults(c)
	}
}

// Validate reports every problem of a config whose defaults have been set, as *ConfigError values
// joined with errors.Join; nil when there is none.
func (c ProcessConfig) Validate() error {
	var p problems
	if !p.oneOf("name", c.Name, ProcessNames()...) {
		return p.err()
	}
	r, _ := findProcess(c.Name)
	p.check(c.NumTrainTimesteps >= 1 && c.NumTrainTimesteps <= maxTrainTimesteps, "num_train_timesteps",
		"must be between 1 and %d, got %d", maxTrainTimesteps, c.NumTrainTimesteps)
	p.oneOf("prediction_type", c.PredictionType, r.predictions...)
	p.oneOf("timestep_density", c.TimestepDensity, r.densities...)
	r.refuseOthers(c, &p)
	if r.validate != nil {
		r.validate(c, &p)
	}
	return p.err()
}

// refuseOthers complains about options of other processes that are set.
func (r processRegistration) refuseOthers(c ProcessConfig, p *problems) {
	fields := reflect.ValueOf(c)
	for i := range fields.NumField() {
		key, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("yaml"), ",")
		if !slices.Contains(sharedProcessKeys, key) && !slices.Contains(r.options, key) {
			p.unset(key, fields.Field(i).IsZero(), fmt.Sprintf("process %q", c.Name))
		}
	}
}

// samplersOf is the process that the samplers of a process are registered for.
func samplersOf(process string) string {
	if r, _ := findProcess(process); r.samplersOf != "" {
		return r.samplersOf
	}
	return process
}

func findProcess(name string) (processRegistration, bool) {
	for _, p := range processes {
		if p.name == name {
			return p, true
		}
	}
	return processRegistration{}, false
}
