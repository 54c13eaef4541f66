package unet_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/modelstest"
	"flowharness/models/safetensors"
	"flowharness/models/unet"
)

// flags is the data of testdata/reference.py.
var flags = models.Data{Name: "flags", Height: 4, Width: 4, Channels: 2, Classes: 3}

// variant reads the options and the values of a file that testdata/reference.py has written.
func variant(t *testing.T, name string) (unet.Options, map[string]safetensors.Tensor) {
	t.Helper()
	values, meta, err := safetensors.Read("testdata/" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	o := unet.Defaults()
	o.ClassEmbedSize = 0
	if err := json.Unmarshal([]byte(meta["options"]), &o); err != nil {
		t.Fatal(err)
	}
	unet.Registration.SetDefaults(&o, flags)
	return o, values
}

// forward runs a network of flags on the inputs of reference.py. With keys it is run as in training.
func forward(t *testing.T, backend string, m *unet.UNet2D, flat []float32, labels []int32, keys [][]uint32) (output []float32,
	loss float32, gradient []float32) {
	t.Helper()
	x := make([]float32, 3*flags.Pixels())
	for i := range x {
		x[i] = float32(math.Cos(0.3 * float64(i)))
	}
	args := []any{flat, tensors.FromFlatDataAndDimensions(x, 3, flags.Height, flags.Width, flags.Channels), []float32{0, 17.5, 999}, labels}
	if keys != nil {
		args = append(args, keys)
	}
	exec, err := NewExec(modelstest.OpenBackend(t, backend), func(in []*Node) []*Node {
		params := m.Layout().Split(in[0])
		var y *Node
		if keys == nil {
			y = m.Forward(params, in[1], in[2], in[3])
		} else {
			y = m.ForwardTraining(params, in[1], in[2], in[3], in[4])
		}
		loss := ReduceAllMean(Square(y))
		return []*Node{y, loss, m.Layout().Concat(gradients(loss, m.Layout(), params))}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.ToScalar[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
}

// TestVariantsAreThoseOfTheReference compares networks whose time embedding is used, or whose class is embedded, in another
// way than the tutorial's with diffusers'. The golden tests are those of XLA.
func TestVariantsAreThoseOfTheReference(t *testing.T) {
	for _, name := range []string{"scale_shift", "timestep", "unconditional"} {
		t.Run(name, func(t *testing.T) {
			o, want := variant(t, name)
			m := unet.New(o, models.Float32)
			if takes := unet.Registration.TakesClasses(o); takes != (name != "unconditional") {
				t.Errorf("TakesClasses is %v", takes)
			}
			output, loss, gradient := forward(t, "go", m, formulaWeights(m), []int32{0, 1, 3}, nil)
			modelstest.WantClose(t, "output", output, want["output"].Data, 1e-5)
			modelstest.WantClose(t, "loss", []float32{loss}, want["loss"].Data, 1e-5)
			for _, p := range m.Layout().Entries() {
				ref, ok := want["grad."+p.Name]
				if !ok || !slices.Equal(ref.Shape, p.Shape) {
					t.Errorf("%s %v: the reference has %v", p.Name, p.Shape, ref.Shape)
				}
				got := gradient[p.Offset : p.Offset+p.Size()]
				modelstest.WantClose(t, "gradient of "+p.Name, got, ref.Data, 1e-4*max(modelstest.MaxAbs(ref.Data), 1e-2))
			}
			if n := len(m.Layout().Entries()); n != len(want)-2 {
				t.Errorf("there are %d parameters, the reference has %d", n, len(want)-2)
			}
		})
	}
}

func TestDropoutLeavesOutByKeyAndInTrainingOnly(t *testing.T) {
	o, want := variant(t, "scale_shift")
	if m := unet.New(o, models.Float32); m.Drops() {
		t.Error("without dropout the network drops")
	}
	o.Dropout = 0.3
	m := unet.New(o, models.Float32)
	if _, drops := models.Dropping(m); !drops {
		t.Error("with dropout it does not")
	}
	flat, labels := formulaWeights(m), []int32{0, 1, 3}
	keys := [][]uint32{{1, 2}, {3, 4}, {5, 6}}
	plain, _, _ := forward(t, "go", m, flat, labels, nil)
	modelstest.WantClose(t, "output outside of training", plain, want["output"].Data, 1e-5)
	first, loss, gradient := forward(t, "go", m, flat, labels, keys)
	again, _, _ := forward(t, "go", m, flat, labels, keys)
	onXLA, lossOnXLA, gradientOnXLA := forward(t, "xla:cpu", m, flat, labels, keys)
	modelstest.WantClose(t, "output in XLA", onXLA, first, 1e-5)
	modelstest.WantClose(t, "loss in XLA", []float32{lossOnXLA}, []float32{loss}, 1e-5)
	modelstest.WantClose(t, "gradient in XLA", gradientOnXLA, gradient, 1e-4)
	other, _, _ := forward(t, "go", m, flat, labels, [][]uint32{{1, 2}, {3, 4}, {5, 7}})
	switch n := 2 * len(first) / 3; {
	case slices.Equal(first, plain):
		t.Error("in training nothing is left out")
	case !slices.Equal(first, again):
		t.Error("the same keys give another output")
	case !slices.Equal(first[:n], other[:n]):
		t.Error("the key of one sample changes others")
	case slices.Equal(first[n:], other[n:]):
		t.Error("another key gives the same output")
	}
}

func TestClassesThatDoNotFitAreRefused(t *testing.T) {
	unlabelled := flags
	unlabelled.Classes = 0
	small := models.NewConfig("unet2d").With("block_out_channels", []int{4, 8}).With("norm_num_groups", 2).With("attention_head_dim", 4)
	for _, tc := range []struct {
		key    string
		value  any
		config models.Config
		data   models.Data
		want   string
	}{
		{"num_class_embeds", 3, small, flags, `num_class_embeds: must be 4 for dataset flags (3 classes and "no class"), got 3`},
		{"num_class_embeds", -1, small, flags, "num_class_embeds: must be 4 for dataset flags"},
		{"num_class_embeds", 4, small.With("class_embed_type", unet.ClassAsTimestep), flags, "class_embed_type timestep has none"},
		{"num_class_embeds", 1, small, unlabelled, "num_class_embeds: there are no classes in dataset flags"},
		{"class_embed_type", unet.ClassAsTimestep, small, unlabelled, "class_embed_type: there are no classes in dataset flags"},
		{"class_embed_type", unet.ClassEmbedType("identity"), small, flags, `class_embed_type: must be timestep, or left out, got "identity"`},
		{"resnet_time_scale_shift", unet.TimeScaleShift("spatial"), small, flags, "must be default or scale_shift"},
		{"dropout", 1.0, small, flags, "dropout: must be at least 0 and less than 1, is 1"},
		{"dropout", -0.1, small, flags, "dropout: must be at least 0"},
	} {
		_, err := models.New(tc.config.With(tc.key, tc.value), tc.data, models.Float32)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: error is %v, want one with %q", tc.key, tc.value, err, tc.want)
		}
	}
}

// TestDataWithoutClassesHasNoEmbeddingOfThem: there is none to learn, and guidance is refused.
func TestDataWithoutClassesHasNoEmbeddingOfThem(t *testing.T) {
	unlabelled := mnist
	unlabelled.Classes = 0
	c := models.NewConfig("unet2d")
	c.SetDefaults(unlabelled)
	if c.TakesClasses() {
		t.Error("the network takes classes")
	}
	m, err := models.New(c, unlabelled, models.Float32)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Layout().Entries() {
		if strings.Contains(p.Name, "class") || p.Name == "model.conv_in.weight" && p.Shape[1] != 1 {
			t.Errorf("there is %s %v", p.Name, p.Shape)
		}
	}
	m.Init(func(string) *rand.Rand { return rand.New(rand.NewPCG(1, 2)) })
}
