// Package sweep makes many runs of one: it reads a sweep file, plans which runs
// it stands for, finds out which of them are made already, and has the others
// made by a launcher.
//
// The data flows one way: [Load] reads a [File], [File.Plan] makes the [Plan],
// [Inspect] sets it beside what a store holds, and a [Conductor] has the rest made.
// Everything that outlives a command lies in a [Folder] beside the store.
package sweep

import (
	"fmt"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/search"
	"flowharness/harness/internal/yamlfile"
)

// File is a sweep file: a base config and what is varied about it.
type File struct {
	Path   string // of the file
	Source []byte // its text

	Name string // default: the file's name without its extension
	Base string // path of the config that is varied

	Matrix  []Axis        // their product
	Zip     [][]Axis      // of each, the values of the same position together
	Include []Assignments // added to the combinations that they fit to, or else combinations of their own
	Exclude []Assignments // combinations that are left out
	Search  *Search       // nil: none
	Seeds   []uint64      // default: the base's seed

	Retries  int    // how often a failed run is tried again
	Launcher string // [LauncherLocal] or [LauncherSlurm]
	Jobs     int    // runs at once; 0: the launcher's choice
	Slurm    Slurm
	Compare  Compare

	// Calibrate times a fixed amount of work beside every training, so that speeds
	// of different machines can be compared.
	Calibrate bool

	// Bind finds out what the runs of a config begin with, where it sets
	// train.init_from: their hashes count the weights.
	Bind func(*config.Resolved) (*config.Resolved, error)
}

// Search is what to look for and how; see the package search.
type Search = search.Config

// Names of the launchers.
const (
	LauncherLocal = "local" // processes on this machine
	LauncherSlurm = "slurm" // job arrays of a cluster
)

// Launchers lists the launchers.
func Launchers() []string { return []string{LauncherLocal, LauncherSlurm} }

// Axis is a config path with the values it takes.
type Axis struct {
	Path   string
	Values []string // as YAML on one line
}

// Assignments give some config paths a value each, in the order of the file.
type Assignments []search.Assignment

// Slurm is what sbatch is asked for; empty fields leave it to the cluster.
type Slurm struct {
	Partition string   `yaml:"partition"`
	Account   string   `yaml:"account"`
	Time      string   `yaml:"time"` // limit of one task, such as 02:00:00
	GPUs      int      `yaml:"gpus"` // of one task
	CPUs      int      `yaml:"cpus"` // of one task
	Memory    string   `yaml:"memory"`
	ArraySize int      `yaml:"array_size"` // most tasks of one array; 0: as the cluster has it
	Extra     []string `yaml:"extra"`      // further flags of sbatch, such as --constraint=a100
}

// Compare says how the comparison at the end is made; see harness compare.
type Compare struct {
	GroupBy  []string `yaml:"group_by"`
	Metrics  []string `yaml:"metrics"`
	Sampler  string   `yaml:"sampler"`
	Steps    int      `yaml:"steps"`
	Guidance *float64 `yaml:"guidance"`
	FailIf   []string `yaml:"fail_if"`
}

// Load reads a sweep file. What is wrong with it is one [*config.Errors].
func Load(path string) (*File, error) {
	text, err := yamlfile.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	base, err := files.Beside(path, f.Base)
	if err != nil {
		return nil, f.refuse("base", "%v", err)
	}
	f.Base = base
	return f, nil
}

// refuse is an error about a key of the file, as [config.Errors].
func (f *File) refuse(key, format string, args ...any) error {
	return &config.Errors{Problems: []config.Problem{{Place: config.Place{File: f.Path}, Key: key, Message: fmt.Sprintf(format, args...)}}}
}

// String is the assignments as they could be typed: train.lr=0.001 process.name=ddpm.
func (s Assignments) String() string {
	text := ""
	for i, a := range s {
		if i > 0 {
			text += " "
		}
		text += a.String()
	}
	return text
}

// value is what they give a path.
func (s Assignments) value(path string) (string, bool) {
	for _, a := range s {
		if a.Path == path {
			return a.Value, true
		}
	}
	return "", false
}

// with is the assignments with those of another, which win.
func (s Assignments) with(other Assignments) Assignments {
	merged := append(Assignments{}, s...)
next:
	for _, a := range other {
		for i := range merged {
			if merged[i].Path == a.Path {
				merged[i].Value = a.Value
				continue next
			}
		}
		merged = append(merged, a)
	}
	return merged
}
