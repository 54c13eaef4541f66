package unet_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/modelstest"
	_ "flowharness/models/networks"
	"flowharness/models/unet"
)

// formulaWeights are the weights of the check values: a formula of the rank of
// a name among the UNet's sorted names, and of the index.
func formulaWeights(m *unet.UNet2D) []float32 {
	layout := m.Layout()
	var names []string
	for _, p := range layout.Entries() {
		if strings.HasPrefix(p.Name, "model.") {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	flat := make([]float32, layout.Size())
	for _, p := range layout.Entries() {
		k := slices.Index(names, p.Name)
		if k < 0 {
			continue // the class embedding, which the check values do not have
		}
		fan := p.Size() / p.Shape[0]
		for i := range p.Size() {
			s := math.Sin(0.7*float64(i) + 1.3*float64(k))
			var v float64
			switch {
			case len(p.Shape) > 1:
				v = s * math.Sqrt(2/float64(fan))
			case strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, "weight"):
				v = 1 + 0.1*s
			default:
				v = 0.05 * s
			}
			flat[p.Offset+i] = float32(v)
		}
	}
	return flat
}

// TestCheckValues compares output, loss and gradient with values computed by
// diffusers for weights and inputs that are given by formulas. All nine input
// channels are the image: this network has no class embedding.
func TestCheckValues(t *testing.T) {
	o := defaults()
	o.InChannels, o.ClassEmbedSize = 9, 0
	m := unet.New(o, models.Float32)
	const batch, size = 2, 28
	nchw := make([]float32, batch*9*size*size)
	for n := range nchw {
		nchw[n] = float32(math.Sin(0.9*float64(n)) + 0.3*math.Cos(0.013*float64(n)))
	}
	target := make([]float32, batch*size*size)
	for i := range target {
		target[i] = float32(math.Cos(0.31 * float64(i)))
	}
	layout := m.Layout()
	exec, err := NewExec(modelstest.OpenBackend(t, "xla:cpu"), func(flat, x, timestep, labels, target *Node) []*Node {
		params := layout.Split(flat)
		out := m.Forward(params, x, timestep, labels)
		loss := ReduceAllMean(Square(Sub(out, target)))
		grads := gradients(loss, layout, params)
		norm := func(n *Node) *Node { return Sqrt(ReduceAllSum(Square(n))) }
		return []*Node{out, loss, norm(layout.Concat(grads)),
			norm(grads["model.conv_in.weight"]), norm(grads["model.mid_block.resnets.0.norm1.weight"]),
			norm(grads["model.down_blocks.1.attentions.0.to_q.weight"]), norm(grads["model.mid_block.attentions.0.to_k.bias"])}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(formulaWeights(m), tensors.FromFlatDataAndDimensions(toNHWC(nchw, []int{batch, 9, size, size}), batch,
		size, size, 9),
		[]float32{17, 500}, []int32{0, 0}, tensors.FromFlatDataAndDimensions(target, batch, size, size, 1))
	if err != nil {
		t.Fatal(err)
	}
	values := tensors.MustCopyFlatData[float32](out[0])
	modelstest.WantClose(t, "first outputs", values[:4], []float32{-3.4202242, -3.9175130, -2.8320124, -1.7012519}, 5e-4)
	modelstest.WantClose(t, "last output", values[len(values)-1:], []float32{0.62303}, 5e-4)
	for i, check := range []struct {
		what      string
		want, tol float64
	}{
		{"loss", 3.5397542, 1e-4}, {"global gradient norm", 94.12498, 1e-2}, {"gradient norm of conv_in.weight", 11.750893, 2e-3},
		{"gradient norm of mid norm1.weight", 0.00385540, 1e-5}, {"gradient norm of to_q.weight", 0.4172123, 1e-3},
		// Adding a vector to all keys changes no softmax, so this one is zero.
		{"gradient norm of to_k.bias", 0, 1e-6},
	} {
		modelstest.WantClose(t, check.what, []float32{tensors.ToScalar[float32](out[i+1])}, []float32{float32(check.want)}, check.tol)
	}
}

func TestInitialWeightsFollowPyTorch(t *testing.T) {
	m := unet.New(defaults(), models.Float32)
	flat := m.Init(func(name string) *rand.Rand {
		var seed uint64
		for _, c := range name {
			seed = seed*31 + uint64(c)
		}
		return rand.New(rand.NewPCG(seed, 0))
	})
	bounds := map[string]float64{ // 1/sqrt(fan_in)
		"model.conv_in.weight": 0.1111, "model.conv_in.bias": 0.1111, "model.mid_block.resnets.0.conv2.weight": 0.04167,
		"model.time_embedding.linear_1.weight": 0.17678, "model.down_blocks.1.attentions.0.to_q.weight": 0.125, "model.conv_out.weight": 0.0589,
	}
	for _, p := range m.Layout().Entries() {
		values := flat[p.Offset : p.Offset+p.Size()]
		bound, ok := bounds[p.Name]
		switch {
		case ok:
			if got := modelstest.MaxAbs(values); got > bound*1.001 || (len(values) > 200 && got < bound*0.97) {
				t.Errorf("%s reaches %v, PyTorch's bound is %v", p.Name, got, bound)
			}
		case strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, ".weight"):
			if slices.Min(values) != 1 || slices.Max(values) != 1 {
				t.Errorf("%s does not start at 1", p.Name)
			}
		case p.Name == "class_emb.weight":
			if modelstest.MaxAbs(values) < 1.5 {
				t.Errorf("%s does not look standard normal", p.Name)
			}
		}
	}
}

func TestXLAAndPureGoAgree(t *testing.T) {
	m := small(models.Float32)
	rng := rand.New(rand.NewPCG(1, 2))
	flat := m.Init(func(string) *rand.Rand { return rng })
	x := make([]float32, 3*64)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	var results [2][][]float32
	for i, name := range []string{"go", "xla:cpu"} {
		exec, err := NewExec(modelstest.OpenBackend(t, name), func(flat, x, timestep, labels *Node) []*Node {
			params := m.Layout().Split(flat)
			out := m.Forward(params, x, timestep, labels)
			return []*Node{out, m.Layout().Concat(gradients(ReduceAllMean(Square(out)), m.Layout(), params))}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call(flat, tensors.FromFlatDataAndDimensions(x, 3, 8, 8, 1), []float32{0, 17.5, 999}, []int32{0, 3, 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			results[i] = append(results[i], tensors.MustCopyFlatData[float32](o))
		}
	}
	modelstest.WantClose(t, "output", results[0][0], results[1][0], 2e-5)
	modelstest.WantClose(t, "gradient", results[0][1], results[1][1], 1e-4*modelstest.MaxAbs(results[1][1]))
}

func TestConfigProblemsAreNamed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*unet.Options)
		want   string
	}{
		{"a size that the levels do not divide", func(o *unet.Options) { o.SampleSize = 30 },
			"block_out_channels: 3 levels halve the image 2 times; 30 pixels allow at most 2 levels"},
		{"groups that do not divide the channels", func(o *unet.Options) { o.NormNumGroups = 5 },
			"block_out_channels: level 0 has 32 channels, which norm_num_groups 5 does not divide"},
		{"heads that do not divide the channels", func(o *unet.Options) { o.AttentionHeadDim = 7 },
			"attention_head_dim: 7 does not divide the 64 channels of level 1"},
		{"an unknown block", func(o *unet.Options) {
			o.DownBlockTypes = []string{"DownBlock2D", "CrossAttnDownBlock2D", "AttnDownBlock2D"}
		}, `down_block_types: unknown block type "CrossAttnDownBlock2D"`},
		{"too few blocks", func(o *unet.Options) { o.UpBlockTypes = o.UpBlockTypes[:2] },
			"up_block_types: has 2 entries, block_out_channels has 3"},
		{"no levels", func(o *unet.Options) { o.BlockOutChannels = nil }, "block_out_channels: must name the channels of at least one level"},
		{"no layers", func(o *unet.Options) { o.LayersPerBlock = 0 }, "layers_per_block: must be at least 1, is 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := defaults()
			tc.change(&o)
			if _, err := models.New(models.Config{Name: "unet2d", Options: &o}, mnist,
				models.Float32); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestFlattenListsEveryProblem(t *testing.T) {
	m := unet.New(defaults(), models.Float32)
	dict := m.Layout().StateDict(make([]float32, m.Layout().Size()))
	delete(dict, "model.conv_in.bias")
	bad := dict["model.conv_out.bias"]
	bad.Shape = []int{1, 1}
	dict["model.conv_out.bias"] = bad
	dict["model.extra"] = bad
	_, err := m.Layout().Flatten(dict)
	for _, want := range []string{"model.conv_in.bias [32] is missing",
		"model.conv_out.bias has shape [1 1], the model's is [1]", "model.extra is not a parameter"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}
