package models

import (
	"encoding/json"
	"fmt"
	"strings"

	"flowharness/models/safetensors"
)

// The files of a model in diffusers' format, and the one beside them for parameters of a network that the model of diffusers
// does not have.
const (
	DiffusersConfigFile  = "config.json"
	DiffusersWeightsFile = "diffusion_pytorch_model.safetensors"
	DiffusersBesideFile  = "class_embedding.safetensors"
)

// Diffusers says how a network is written as a model of diffusers, and read from one.
type Diffusers[O any] struct {
	// Class is the model's class, such as UNet2DModel.
	Class string
	// Prefix begins the names of those of the network's parameters that the model has, under the rest of the name.
	Prefix string
	// Config are the arguments of the class for options that are complete.
	Config func(o O, data Data) map[string]any
	// Options reads them. beside are parameters of the network that the model does not have, if there are any.
	Options func(arguments map[string]json.RawMessage, beside map[string]safetensors.Tensor) (O, error)
}

// diffusersEntry is a Diffusers whatever the options are.
type diffusersEntry struct {
	class, prefix string
	config        func(options any, data Data) map[string]any
	options       func(arguments map[string]json.RawMessage, beside map[string]safetensors.Tensor) (any, error)
}

func diffusersOf[O any](d *Diffusers[O]) *diffusersEntry {
	if d == nil {
		return nil
	}
	return &diffusersEntry{class: d.Class, prefix: d.Prefix,
		config: func(options any, data Data) map[string]any { return d.Config(*options.(*O), data) },
		options: func(arguments map[string]json.RawMessage, beside map[string]safetensors.Tensor) (any, error) {
			o, err := d.Options(arguments, beside)
			return &o, err
		}}
}

// DiffusersModel is a network in the words of diffusers.
type DiffusersModel struct {
	Class           string
	Config          map[string]any                // config.json, the class among it
	Tensors, Beside map[string]safetensors.Tensor // the model's parameters, and the network's others
}

// Diffusers writes a network of a config that is complete, with the state dict of its weights. ok is false if diffusers has
// no such model.
func (c Config) Diffusers(data Data, dict map[string]safetensors.Tensor) (m DiffusersModel, ok bool) {
	n, known := find(c.Name)
	if !known || n.diffusers == nil {
		return m, false
	}
	m = DiffusersModel{Class: n.diffusers.class, Config: n.diffusers.config(c.Options, data),
		Tensors: map[string]safetensors.Tensor{}, Beside: map[string]safetensors.Tensor{}}
	m.Config["_class_name"] = m.Class
	for name, t := range dict {
		if plain, theirs := strings.CutPrefix(name, n.diffusers.prefix); theirs {
			m.Tensors[plain] = t
		} else {
			m.Beside[name] = t
		}
	}
	return m, true
}

// ReadDiffusers is the network that a config.json of diffusers describes, and what is beside the model.
func ReadDiffusers(text []byte, beside map[string]safetensors.Tensor) (Config, error) {
	var arguments map[string]json.RawMessage
	if err := json.Unmarshal(text, &arguments); err != nil {
		return Config{}, fmt.Errorf("it is not a JSON object: %w", err)
	}
	var class string
	if err := json.Unmarshal(arguments["_class_name"], &class); err != nil || class == "" {
		return Config{}, fmt.Errorf("it does not say which class of diffusers the model is of (_class_name)")
	}
	var classes []string
	for _, n := range networks {
		if n.diffusers == nil {
			continue
		}
		if n.diffusers.class == class {
			options, err := n.diffusers.options(arguments, beside)
			return Config{Name: n.name, Options: options}, err
		}
		classes = append(classes, n.diffusers.class)
	}
	return Config{}, fmt.Errorf("it is of a %s; what can be read is: %s", class, strings.Join(classes, ", "))
}
