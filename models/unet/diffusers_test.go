package unet_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"flowharness/models"
	"flowharness/models/safetensors"
	"flowharness/models/unet"
)

// TestAModelOfDiffusersHasTheNamesAndShapesOfDiffusers compares with the gradients in the files of testdata/reference.py, which
// are diffusers' own, and reads what was written again.
func TestAModelOfDiffusersHasTheNamesAndShapesOfDiffusers(t *testing.T) {
	for _, name := range []string{"scale_shift", "timestep", "unconditional"} {
		o, want := variant(t, name)
		config := models.Config{Name: "unet2d", Options: &o}
		layout := unet.New(o, models.Float32).Layout()
		m, ok := config.Diffusers(flags, layout.StateDict(make([]float32, layout.Size())))
		if !ok || m.Class != "UNet2DModel" || len(m.Beside) != 0 {
			t.Fatalf("%s: %v, %d tensors beside", name, m.Class, len(m.Beside))
		}
		for parameter, tensor := range m.Tensors {
			if ref := want["grad.model."+parameter]; !slices.Equal(tensor.Shape, ref.Shape) {
				t.Errorf("%s: %s is %v, diffusers' is %v", name, parameter, tensor.Shape, ref.Shape)
			}
		}
		if len(m.Tensors) != len(want)-2 {
			t.Errorf("%s: %d parameters, diffusers has %d", name, len(m.Tensors), len(want)-2)
		}
		sameAgain(t, name, config, m, flags)
	}
}

// TestChannelsOfTheClassAreChannelsOfTheImageToDiffusers: their table lies beside the model.
func TestChannelsOfTheClassAreChannelsOfTheImageToDiffusers(t *testing.T) {
	o := defaults()
	config := models.Config{Name: "unet2d", Options: &o}
	layout := unet.New(o, models.Float32).Layout()
	m, _ := config.Diffusers(mnist, layout.StateDict(make([]float32, layout.Size())))
	table := m.Beside["class_emb.weight"]
	if !slices.Equal(table.Shape, []int{11, 8}) || len(m.Beside) != 1 || m.Config["in_channels"] != 9 {
		t.Errorf("beside lie %v, in_channels is %v", slices.Collect(maps.Keys(m.Beside)), m.Config["in_channels"])
	}
	sameAgain(t, "channels", config, m, mnist)
}

func sameAgain(t *testing.T, name string, config models.Config, m models.DiffusersModel, data models.Data) {
	t.Helper()
	text, err := json.Marshal(m.Config)
	if err != nil {
		t.Fatal(err)
	}
	again, err := models.ReadDiffusers(text, m.Beside)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	again.SetDefaults(data)
	first, _ := json.Marshal(config)
	second, _ := json.Marshal(again)
	if string(first) != string(second) {
		t.Errorf("%s: what was written is read as\n%s, not\n%s", name, second, first)
	}
}

func TestModelsOfDiffusersThatCannotBeReadAreRefused(t *testing.T) {
	o := defaults()
	m, _ := models.Config{Name: "unet2d", Options: &o}.Diffusers(mnist, nil)
	for _, tc := range []struct {
		key, value, want string
	}{
		{"_class_name", `"UNet2DConditionModel"`, "it is of a UNet2DConditionModel; what can be read is: UNet2DModel"},
		{"_class_name", `7`, "does not say which class"},
		{"act_fn", `"gelu"`, `act_fn is "gelu"; this network has only "silu"`},
		{"downsample_type", `"resnet"`, `downsample_type is "resnet"`},
		{"attn_norm_num_groups", `4`, "attn_norm_num_groups is 4; this network has only null"},
		{"time_embedding_dim", `64`, "time_embedding_dim is 64"},
		{"attention_head_dim", `null`, "attention_head_dim is null"},
		{"block_out_channels", `"32"`, "cannot unmarshal"},
		{"in_channels", `8`, "in_channels are no more than the 8 channels of the class embedding"},
		{"flux_capacitor", `1`, "flux_capacitor is not known here"},
		{"down_block_types", "", "down_block_types is missing"},
	} {
		config := maps.Clone(m.Config)
		config[tc.key] = json.RawMessage(tc.value)
		if tc.value == "" {
			delete(config, tc.key)
		}
		text, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = models.ReadDiffusers(text, map[string]safetensors.Tensor{"class_emb.weight": {Shape: []int{11, 8}}})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: error is %v, want one with %q", tc.key, tc.value, err, tc.want)
		}
	}
	for _, text := range []string{"", "[]", "{}", "null", "{\"_class_name\":"} {
		if _, err := models.ReadDiffusers([]byte(text), nil); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
