package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"flowharness/models"
	"flowharness/models/nn"
	"flowharness/models/safetensors"
)

// wrappers are prefixes of parameter names that come from PyTorch's DataParallel and torch.compile.
var wrappers = []string{"module.", "_orig_mod."}

// LoadWeights reads what is needed for sampling. From a checkpoint these are the weights and their
// average, without the state of the optimizer; it must belong to the config with this hash, unless
// the hash is "". The file can also be a state dict as PyTorch saves it, whose names may begin with
// the prefixes of its wrappers. A state dict has no Meta and no average.
func LoadWeights(path string, layout nn.Layout, configHash string) (*State, error) {
	tensors, meta, err := read(path)
	if err != nil {
		return nil, err
	}
	if _, own := meta[MetaFormat]; !own {
		return fromStateDict(path, layout, tensors)
	}
	if err := check(meta, configHash); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name := range tensors {
		if strings.HasPrefix(name, prefixM) || strings.HasPrefix(name, prefixV) {
			delete(tensors, name)
		}
	}
	return stateOf(path, layout, tensors, meta, (*State).weightParts)
}

func fromStateDict(path string, layout nn.Layout, tensors map[string]safetensors.Tensor) (*State, error) {
	dict := make(map[string]safetensors.Tensor, len(tensors))
	for name, t := range tensors {
		plain := unwrapped(name)
		if _, twice := dict[plain]; twice {
			return nil, fmt.Errorf("%s: two of its tensors are called %s, with and without %s", path, plain, strings.Join(wrappers, " or "))
		}
		dict[plain] = t
	}
	dict = named(layout, dict)
	if err := addBeside(path, layout, dict); err != nil {
		return nil, err
	}
	flat, err := layout.Flatten(dict)
	if err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint of harness, and as a PyTorch state dict it does not fit the model:\n%w", path, err)
	}
	return &State{Params: flat}, nil
}

// named gives the parameters of a model that is a part of the network the names that they have there: where no name is known,
// all get the beginning that makes them known.
func named(layout nn.Layout, dict map[string]safetensors.Tensor) map[string]safetensors.Tensor {
	known := map[string]bool{}
	for _, p := range layout.Entries() {
		known[p.Name] = true
	}
	for name := range dict {
		if known[name] {
			return dict
		}
	}
	prefix := ""
	for _, p := range layout.Entries() {
		if whole, part, ok := strings.Cut(p.Name, "."); ok {
			if _, there := dict[part]; there {
				prefix = whole + "."
				break
			}
		}
	}
	longer := make(map[string]safetensors.Tensor, len(dict))
	for name, t := range dict {
		longer[prefix+name] = t
	}
	return longer
}

// addBeside adds to a model of diffusers the parameters of the network that it does not have, which lie in the same folder.
func addBeside(path string, layout nn.Layout, dict map[string]safetensors.Tensor) error {
	if filepath.Base(path) != models.DiffusersWeightsFile {
		return nil
	}
	beside, _, err := safetensors.Read(filepath.Join(filepath.Dir(path), models.DiffusersBesideFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, p := range layout.Entries() {
		if t, there := beside[p.Name]; there {
			dict[p.Name] = t
		}
	}
	return nil
}

func unwrapped(name string) string {
	for {
		before := name
		for _, prefix := range wrappers {
			name = strings.TrimPrefix(name, prefix)
		}
		if name == before {
			return name
		}
	}
}

// SHA256 identifies what training would continue from: the weights and, if there are any, the
// optimizer's moments and the average, as little-endian float32.
func (s *State) SHA256() string {
	sum := sha256.New()
	for _, part := range s.parts() {
		buffer := make([]byte, 0, 4*len(*part.flat))
		for _, v := range *part.flat {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		sum.Write(buffer)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
