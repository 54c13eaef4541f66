package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"flowharness/schedulers"
)

// libraryKey is what the schema says about a key of a library's config struct besides
// what the struct's tags say. The bounds are the library's own (a test holds
// them together) or narrower ones that keep a slip from filling the memory.
type libraryKey struct {
	description            string
	minimum, maximum       json.Number
	above, below           json.Number // exclusive bounds
	enum                   []any       // of the value, or of a list's items
	minItems, maxItems     uint64      // minItems is 1 if it is not given
	unique                 bool
	itemMinimum, itemLimit json.Number
}

// libraryKeys maps a section to its keys.
func libraryKeys() map[string]map[string]libraryKey {
	return map[string]map[string]libraryKey{
		"process": {
			"name":                {description: eachProcess(" ", func(name string) string { return name + ": " + schedulers.AboutProcess(name) })},
			"num_train_timesteps": {description: "Scale of the time that the model sees.", minimum: "1", maximum: "100000"},
			"prediction_type": {description: "What the model outputs: " + eachProcess("; ", func(name string) string {
				return alternatives(schedulers.PredictionTypes(name)) + " for " + name
			}) + "."},
			"timestep_density": {description: "How training timesteps are drawn; logit_normal is for flow_match."},
			"logit_mean": {description: "Mean of the logit-normal density; above 0 trains more near the data. Default: 0.",
				minimum: "-100", maximum: "100"},
			"logit_std": {
				description: "Standard deviation of the logit-normal density. Default: 1.",
				above:       "0", maximum: "100",
			},
			"shift": {description: "flow_match: above 1 trains more near the noise.", above: "0", maximum: "1000"},
			"loss": {
				description: "What a difference between prediction and target costs. mse: its square; pseudo_huber: 2c·(sqrt(d²+c²)-c), " +
					"with huber_c for c, so that outliers count less. The validation loss is mse. Default: mse.",
			},
			"huber_c": {
				description: "Difference from which pseudo_huber grows linearly. Default: 0.1.",
				above:       "0", maximum: "1000",
			},
			"path": {
				description: "flow_match: from noise to data. linear: t·data + (1-t)·noise; cosine: sin(πt/2)·data + cos(πt/2)·noise, which " +
					"keeps the variance (Albergo et al. 2023). Default: linear.",
			},
			"coupling": {
				description: "flow_match: which noise goes to which data of a batch. minibatch_ot: the pairs of least squared distances; " +
					"class_ot: likewise within each class; sinkhorn: drawn from the entropic optimal transport. Default: " +
					"independent.",
			},
			"sinkhorn_reg": {
				description: "sinkhorn: regularisation, as a multiple of the batch's mean squared distance. Default: 0.05.",
				minimum:     "0.005", maximum: "100",
			},
			"loss_weight": {
				description: "ddpm: weight of timesteps in the loss. min_snr: the data's at most snr_gamma (Hang et al. 2023). Default: " +
					"uniform.",
			},
			"snr_gamma": {
				description: "ddpm: signal-to-noise ratio from which min_snr weighs timesteps no more. Default: 5.",
				above:       "0", maximum: "100000",
			},
			"beta_schedule": {description: "ddpm: noise schedule."},
			"beta_start":    {description: "ddpm: first beta of linear and scaled_linear.", above: "0", below: "1"},
			"beta_end":      {description: "ddpm: last beta of linear and scaled_linear.", above: "0", below: "1"},
			"rescale_betas_zero_snr": {
				description: "ddpm: rescale the betas so that nothing of the data is left at the last timestep (Lin et al. 2024); for " +
					"v_prediction and sample. Default: false.",
			},
		},
		"sampling.samplers[]": {
			"name": {description: eachProcess(" ",
				func(name string) string { return "For " + name + ": " + samplerNames(name) + "." })},
			"grid": {
				description: "flow_match: times of the steps. uniform: j/steps; diffusers: its sigmas, for euler and heun; karras: shorter " +
					"steps near the data, see rho; listed: times (the default where they are set).",
			},
			"shift": {description: "flow_match: above 1 spends more steps near the noise.", above: "0", maximum: "1000"},
			"rho": {description: "flow_match: of the karras grid, on which (1-t)^(1/rho) is equally spaced. Default: 7.",
				above: "0", maximum: "1000"},
			"times": {
				description: "flow_match: where the steps of the listed grid begin and end, ascending from 0 (noise) to 1 (data); " +
					"sampling.steps must be one less than there are. Default: none.",
				minItems: 2, maxItems: 10001, unique: true, itemMinimum: "0", itemLimit: "1",
			},
			"solver_order": {
				description: "unipc: order of the predictor; the corrector's is one more.",
				minimum:     "1", maximum: "3",
			},
			"rtol": {description: "dopri5: relative tolerance of a step's error.", above: "0", maximum: "1"},
			"atol": {description: "dopri5: absolute tolerance of a step's error.", above: "0", maximum: "1"},
			"diffusion": {
				description: "euler_maruyama: shape of the diffusion coefficient over time. sigma: the share of noise that is left.",
			},
			"diffusion_norm": {description: "euler_maruyama: size of the diffusion coefficient.", above: "0", maximum: "1000"},
			"timestep_input": {
				description: "flow_match: time given to the model. scaled: the scale of training; index: the number of the step.",
			},
			"timestep_spacing": {description: "ddpm: how timesteps are picked."},
			"steps_offset": {
				description: "ddpm: added to every timestep of leading spacing. Default: 0.",
				minimum:     "0", maximum: "100000",
			},
			"previous_timestep": {
				description: "ddim, with trailing or linspace spacing: where a step goes to, the next timestep listed, or as in diffusers, " +
					"t - num_train_timesteps/steps, which with linspace leaves noise in. Default: listed.",
			},
			"variance_type":     {description: "ddpm sampler: variance of the noise it adds."},
			"clip_sample":       {description: "ddpm, ddim: clip the predicted data to ±clip_sample_range."},
			"clip_sample_range": {description: "ddpm, ddim: where clip_sample clips.", above: "0", maximum: "1000"},
			"eta": {description: "ddim: noise added; 0 is deterministic, 1 is as noisy as ddpm. Default: 0.",
				minimum: "0", maximum: "1"},
			"set_alpha_to_one": {description: "ddim: the last step goes to alphas_cumprod 1 instead of its first value."},
		},
	}
}

func samplerNames(process string) string { return strings.Join(schedulers.SamplerNames(process), ", ") }

// eachProcess joins what is said of each process.
func eachProcess(separator string, say func(name string) string) string {
	return eachOf(schedulers.ProcessNames(), separator, say)
}

// eachOf joins what is said of each name.
func eachOf(names []string, separator string, say func(name string) string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, say(name))
	}
	return strings.Join(parts, separator)
}

// alternatives are words as a sentence lists them: "a, b or c".
func alternatives(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

func (k libraryKey) describe(s *jsonschema.Schema) {
	s.Description = k.description
	s.Minimum, s.Maximum = k.minimum, k.maximum
	s.ExclusiveMinimum, s.ExclusiveMaximum = k.above, k.below
	if s.Items == nil {
		return
	}
	k.minItems = max(k.minItems, 1)
	s.MinItems, s.MaxItems, s.UniqueItems = &k.minItems, &k.maxItems, k.unique
	s.Items.Minimum, s.Items.Maximum, s.Items.Enum = k.itemMinimum, k.itemLimit, k.enum
}

// addDefaults adds the values of [Defaults] to the schema, where they are not
// the zero that stands for "unset".
func addDefaults(s *jsonschema.Schema, value reflect.Value) {
	for name, p := range s.Properties.FromOldest() {
		field, _ := fieldByKey(value, name)
		switch {
		case p.Type == "object":
			addDefaults(p, field)
		case strings.Contains(p.Description, "Default:"), unset(p, field):
		default:
			p.Default = field.Interface()
			p.Description += " Default: " + inText(field) + "."
		}
	}
}

// unset reports whether a value is a zero that the key could not be given.
func unset(s *jsonschema.Schema, value reflect.Value) bool {
	if !value.IsZero() {
		return false
	}
	switch value.Kind() {
	case reflect.Bool:
		return false
	case reflect.Int, reflect.Uint64, reflect.Float64:
		return s.Minimum != "0"
	default:
		return true
	}
}

// variant is a config struct with the defaults of the process or sampler name.
type variant struct {
	name  string
	value reflect.Value
}

func processDefaults() []variant {
	var variants []variant
	for _, name := range schedulers.ProcessNames() {
		c := schedulers.ProcessConfig{Name: name}
		c.SetDefaults()
		variants = append(variants, variant{name, reflect.ValueOf(c)})
	}
	return variants
}

func samplerDefaults() []variant {
	var variants []variant
	for _, name := range schedulers.SamplerNames("") {
		c := schedulers.SamplerConfig{Name: name}
		c.SetDefaults()
		variants = append(variants, variant{name, reflect.ValueOf(c)})
	}
	return variants
}

// describeDefaults adds to the descriptions what the variants default to:
// "Default: leading (ddpm, ddim), linspace (dpmpp_2m)."
func describeDefaults(s *jsonschema.Schema, variants []variant) {
	for name, p := range s.Properties.FromOldest() {
		var values []string
		owners := map[string][]string{}
		for _, v := range variants {
			field, _ := fieldByKey(v.value, name)
			if name == "name" || p.Type == "object" || field.IsZero() {
				continue
			}
			text := inText(field)
			if !slices.Contains(values, text) {
				values = append(values, text)
			}
			owners[text] = append(owners[text], v.name)
		}
		for i, text := range values {
			if len(values) > 1 {
				values[i] = fmt.Sprintf("%s (%s)", text, strings.Join(owners[text], ", "))
			}
		}
		if len(values) > 0 {
			p.Description += " Default: " + strings.Join(values, ", ") + "."
		}
	}
}

// inText is a value as a reader of a description would write it.
func inText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return strings.ReplaceAll(string(text), ",", ", ")
}
