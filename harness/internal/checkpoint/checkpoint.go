// Package checkpoint keeps the state of training on disk: weights, their average, the moments of
// the optimizer, and the step. They are in one safetensors file, which other tools can read too.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"flowharness/models/nn"
	"flowharness/models/safetensors"
)

// Metadata keys of a checkpoint.
const (
	MetaFormat     = "harness.format"      // version of the format
	MetaStep       = "harness.step"        // updates done
	MetaConfigHash = "harness.config_hash" // hash of the config of its run
	MetaRunID      = "harness.run_id"
	MetaSeed       = "harness.seed"
	// MetaEarlier is the number of updates that the optimizer's moments had had when the run began;
	// it is left out if that is 0.
	MetaEarlier = "harness.earlier_updates"
)

// format is the version that is written. Newer ones are refused.
const format = 1

// Prefixes of tensor names; the name of the parameter follows.
const (
	prefixParams = "params."
	prefixM      = "optimizer.m."
	prefixV      = "optimizer.v."
	prefixEMA    = "ema."
)

// State is everything that training continues from, after Step updates. The vectors are flat, in
// the layout of the model.
type State struct {
	Step         int
	Params, M, V []float32
	EMA          []float32 // nil if no average is kept
	// Earlier is the number of updates that M, V and EMA have had besides Step: those in the run
	// that they come from.
	Earlier int
	Meta    map[string]string
	// File and its SHA-256 say where the weights come from if they are not the run's own.
	File, FileSHA256 string
}

// Weights returns the parameters to sample from: the average if that is asked for and there is one,
// otherwise the weights themselves. It also returns whether they are the average.
func (s *State) Weights(average bool) (flat []float32, averaged bool) {
	if average && s.EMA != nil {
		return s.EMA, true
	}
	return s.Params, false
}

// ErrOtherConfig says that a checkpoint belongs to another config.
var ErrOtherConfig = errors.New("the checkpoint belongs to another config")

// RunDir is the folder with the checkpoints of a run, beside the store.
func RunDir(storePath, runID string) string {
	return filepath.Join(filepath.Dir(storePath), "checkpoints", runID)
}

// Path is the path of the checkpoint of a step.
func Path(dir string, step int) string {
	return filepath.Join(dir, fmt.Sprintf("step-%08d.safetensors", step))
}

// Save writes a checkpoint, and then removes all but the newest keep; if keep is 0, it keeps all.
// If the program crashes, at whatever moment, the earlier checkpoints are still readable.
func Save(dir string, layout nn.Layout, s State, keep int) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tensors := map[string]safetensors.Tensor{}
	for _, part := range s.parts() {
		if *part.flat == nil {
			continue
		}
		for name, t := range layout.StateDict(*part.flat) {
			tensors[part.prefix+name] = t
		}
	}
	meta := map[string]string{MetaFormat: strconv.Itoa(format), MetaStep: strconv.Itoa(s.Step)}
	if s.Earlier > 0 {
		meta[MetaEarlier] = strconv.Itoa(s.Earlier)
	}
	for k, v := range s.Meta {
		meta[k] = v
	}
	path = Path(dir, s.Step)
	if err := safetensors.Write(path, tensors, meta); err != nil {
		return "", err
	}
	return path, prune(dir, keep)
}

// Steps lists the steps of the checkpoints in a folder in ascending order.
func Steps(dir string) ([]int, error) {
	found, err := list(dir)
	steps := make([]int, len(found))
	for i, c := range found {
		steps[i] = c.step
	}
	return steps, err
}

// Latest returns the newest checkpoint in a folder. If there is none, the error matches
// [fs.ErrNotExist].
func Latest(dir string) (string, error) {
	found, err := list(dir)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no checkpoint in %s: %w", dir, fs.ErrNotExist)
	}
	return found[len(found)-1].path, nil
}

// Load reads a checkpoint of a model with this layout. The checkpoint must belong to the config
// with this hash, unless the hash is "".
func Load(path string, layout nn.Layout, configHash string) (*State, error) {
	tensors, meta, err := read(path)
	if err != nil {
		return nil, err
	}
	if err := check(meta, configHash); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return stateOf(path, layout, tensors, meta, (*State).parts)
}

func read(path string) (map[string]safetensors.Tensor, map[string]string, error) {
	tensors, meta, err := safetensors.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the checkpoint cannot be read%s: %w", otherThan(path), err)
	}
	return tensors, meta, err
}

// stateOf takes the wanted parts from a checkpoint, which must contain no others. Only the average
// may be missing.
func stateOf(path string, layout nn.Layout, tensors map[string]safetensors.Tensor, meta map[string]string,
	wanted func(*State) []part) (*State, error) {
	s := &State{Meta: meta}
	var err error
	if s.Step, err = strconv.Atoi(meta[MetaStep]); err != nil || s.Step < 0 {
		return nil, fmt.Errorf("%s: its step is %q, not a number", path, meta[MetaStep])
	}
	if text, ok := meta[MetaEarlier]; ok {
		if s.Earlier, err = strconv.Atoi(text); err != nil || s.Earlier < 0 {
			return nil, fmt.Errorf("%s: its number of earlier updates is %q, not a number", path, text)
		}
	}
	for _, part := range wanted(s) {
		dict := map[string]safetensors.Tensor{}
		for name, t := range tensors {
			if own, ok := strings.CutPrefix(name, part.prefix); ok {
				dict[own] = t
				delete(tensors, name)
			}
		}
		if len(dict) == 0 && part.flat == &s.EMA {
			continue
		}
		if *part.flat, err = layout.Flatten(dict); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, strings.TrimSuffix(part.prefix, "."), err)
		}
	}
	if len(tensors) > 0 {
		return nil, fmt.Errorf("%s: tensor %q belongs to no part of a checkpoint", path, slices.Min(slices.Collect(maps.Keys(tensors))))
	}
	return s, nil
}

func check(meta map[string]string, configHash string) error {
	version, err := strconv.Atoi(meta[MetaFormat])
	switch {
	case err != nil:
		return errors.New("it is a safetensors file, but not a checkpoint of harness (no " + MetaFormat + " in its metadata)")
	case version > format:
		return fmt.Errorf("it was written by a newer harness (format %d, this one reads up to %d): use that version", version, format)
	case configHash != "" && meta[MetaConfigHash] != configHash:
		return fmt.Errorf("%w: its config hash is %.12s, this run's %.12s", ErrOtherConfig, meta[MetaConfigHash], configHash)
	}
	return nil
}

// part is one of the vectors of a state.
type part struct {
	prefix string
	flat   *[]float32
}

func (s *State) parts() []part {
	return []part{{prefixParams, &s.Params}, {prefixM, &s.M}, {prefixV, &s.V}, {prefixEMA, &s.EMA}}
}

// weightParts are the parts that sampling needs.
func (s *State) weightParts() []part {
	return []part{{prefixParams, &s.Params}, {prefixEMA, &s.EMA}}
}

// otherThan names the checkpoint before a damaged one, to mention it in the error.
func otherThan(path string) string {
	all, _ := list(filepath.Dir(path))
	if i := slices.IndexFunc(all, func(f file) bool { return f.path == path }); i > 0 {
		return fmt.Sprintf(" (the one before it is %s: remove the damaged file to resume from there)", all[i-1].path)
	}
	return ""
}

// file is a checkpoint in a folder.
type file struct {
	step int
	path string
}

// list returns the checkpoints in a folder, oldest first.
func list(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []file
	for _, e := range entries {
		var step int
		if n, _ := fmt.Sscanf(e.Name(), "step-%d.safetensors", &step); n == 1 && e.Name() == filepath.Base(Path(dir, step)) {
			found = append(found, file{step, filepath.Join(dir, e.Name())})
		}
	}
	slices.SortFunc(found, func(a, b file) int { return a.step - b.step })
	return found, nil
}

// prune removes the oldest checkpoints, and what interrupted writes have left.
func prune(dir string, keep int) error {
	torn, _ := filepath.Glob(filepath.Join(dir, ".step-*"))
	for _, path := range torn {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	found, err := list(dir)
	if err != nil || keep <= 0 {
		return err
	}
	for _, old := range found[:max(0, len(found)-keep)] {
		if err := os.Remove(old.path); err != nil {
			return err
		}
	}
	return nil
}
