package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

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
	flat, err := layout.Flatten(dict)
	if err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint of harness, and as a PyTorch state dict it does not fit the model:\n%w", path, err)
	}
	return &State{Params: flat}, nil
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
