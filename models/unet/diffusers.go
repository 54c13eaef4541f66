package unet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowharness/models"
	"flowharness/models/safetensors"
)

// diffusers is the exchange with UNet2DModel. A class embedding that joins the image has no equal there: to diffusers its
// channels are channels of the image, and the table lies beside the model.
var diffusers = &models.Diffusers[Options]{Class: "UNet2DModel", Prefix: root, Config: toDiffusers, Options: fromDiffusers}

// fixed are the arguments of UNet2DModel that this network has no choice of, by their only values.
var fixed = map[string]any{
	"center_input_sample": false, "time_embedding_type": "positional", "freq_shift": 0.0, "flip_sin_to_cos": true,
	"mid_block_type": "UNetMidBlock2D", "mid_block_scale_factor": 1.0, "downsample_padding": 1.0, "downsample_type": "conv",
	"upsample_type": "conv", "act_fn": "silu", "attn_norm_num_groups": nil, "add_attention": true, "time_embedding_dim": nil,
}

// shared are the arguments that are options under the same name.
var shared = []string{"sample_size", "in_channels", "out_channels", "block_out_channels", "layers_per_block", "down_block_types",
	"up_block_types", "norm_num_groups", "norm_eps", "attention_head_dim", "class_embed_type", "num_class_embeds",
	"resnet_time_scale_shift", "dropout"}

// needed are those of which diffusers has defaults that are not this network's.
var needed = []string{"in_channels", "out_channels", "block_out_channels", "down_block_types", "up_block_types"}

func toDiffusers(o Options, data models.Data) map[string]any {
	config := maps.Clone(fixed)
	maps.Copy(config, map[string]any{
		"sample_size": o.SampleSize, "in_channels": o.InChannels + o.ClassEmbedSize, "out_channels": o.OutChannels,
		"block_out_channels": o.BlockOutChannels, "layers_per_block": o.LayersPerBlock, "down_block_types": o.DownBlockTypes,
		"up_block_types": o.UpBlockTypes, "norm_num_groups": o.NormNumGroups, "norm_eps": o.NormEps,
		"attention_head_dim": o.AttentionHeadDim, "class_embed_type": nil, "num_class_embeds": nil,
		"resnet_time_scale_shift": AddTime, "dropout": o.Dropout, "num_train_timesteps": nil,
	})
	if data.Width != data.Height {
		config["sample_size"] = []int{data.Height, data.Width}
	}
	if o.ClassEmbedType != "" {
		config["class_embed_type"] = o.ClassEmbedType
	}
	if o.NumClassEmbeds > 0 {
		config["num_class_embeds"] = o.NumClassEmbeds
	}
	if !o.TimeScaleShift.IsZero() {
		config["resnet_time_scale_shift"] = o.TimeScaleShift
	}
	return config
}

func fromDiffusers(arguments map[string]json.RawMessage, beside map[string]safetensors.Tensor) (Options, error) {
	o := Defaults()
	o.ClassEmbedSize = 0
	options := map[string]json.RawMessage{}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(arguments)) {
		value := arguments[key]
		only, isFixed := fixed[key]
		switch {
		case strings.HasPrefix(key, "_") || key == "num_train_timesteps":
		case isFixed:
			var got any
			if err := json.Unmarshal(value, &got); err != nil || got != only && !(key == "time_embedding_dim" && isDefaultTime(got, arguments)) {
				problems = append(problems, fmt.Errorf("%s is %s; this network has only %v", key, value, jsonOf(only)))
			}
		case !slices.Contains(shared, key):
			problems = append(problems, fmt.Errorf("%s is not known here", key))
		case key == "attention_head_dim" && string(value) == "null":
			problems = append(problems, errors.New("attention_head_dim is null, one head for all channels; this network has heads of one width"))
		case string(value) == "null" || key == "sample_size" && bytes.HasPrefix(value, []byte("[")): // that of the data is checked
		default:
			options[key] = value
		}
	}
	for _, key := range needed {
		if _, there := arguments[key]; !there {
			problems = append(problems, fmt.Errorf("%s is missing", key))
		}
	}
	text, err := json.Marshal(options)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err := errors.Join(append(problems, err)...); err != nil {
		return o, err
	}
	if table, there := beside[classEmbedding]; there && len(table.Shape) == 2 {
		o.NumClasses, o.ClassEmbedSize = table.Shape[0], table.Shape[1]
		o.InChannels -= o.ClassEmbedSize
	}
	if o.InChannels < 1 {
		return o, fmt.Errorf("in_channels are no more than the %d channels of the class embedding beside the model", o.ClassEmbedSize)
	}
	return o, nil
}

// isDefaultTime says whether the width of the time embedding is what it is by default.
func isDefaultTime(got any, arguments map[string]json.RawMessage) bool {
	var channels []float64
	err := json.Unmarshal(arguments["block_out_channels"], &channels)
	return err == nil && len(channels) > 0 && got == 4*channels[0]
}

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
