package unet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/modelstest"
	"flowharness/models/nn"
	"flowharness/models/optim"
	"flowharness/models/safetensors"
	"flowharness/models/unet"
)

// golden is a network with weights, a batch, and what PyTorch makes of them.
type golden struct {
	Config json.RawMessage `json:"config"`
	AdamW  struct {
		LR          float64    `json:"lr"`
		Betas       [2]float64 `json:"betas"`
		Eps         float64    `json:"eps"`
		WeightDecay float64    `json:"weight_decay"`
	} `json:"adamw"`
	Params int `json:"params"`

	model *unet.UNet2D
	flat  []float32
	io    map[string]safetensors.Tensor
}

func TestGoldenOutput(t *testing.T) {
	g := loadGolden(t)
	if got := g.model.Layout().Size(); got != g.Params {
		t.Errorf("the network has %d parameters, the reference's %d", got, g.Params)
	}
	out := g.call(t, modelstest.OpenBackend(t, "xla:cpu"), g.flat, func(in batch) []*Node { return []*Node{in.output} })
	modelstest.WantClose(t, "output", out[0], g.nhwc(t, "output"), 1e-4)
}

func TestGoldenGradients(t *testing.T) {
	g := loadGolden(t)
	var names []string
	for _, p := range g.model.Layout().Entries() {
		if _, ok := g.io["grad."+p.Name]; ok {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		t.Fatal("unet_io.safetensors holds no gradients")
	}
	grads := g.call(t, modelstest.OpenBackend(t, "xla:cpu"), g.flat, func(in batch) []*Node {
		var nodes []*Node
		for _, name := range names {
			nodes = append(nodes, in.params[name])
		}
		return Gradient(in.loss(), nodes...)
	})
	for i, name := range names {
		want := g.io["grad."+name].Data
		modelstest.WantClose(t, "gradient of "+name, grads[i], want, 1e-4*modelstest.MaxAbs(want))
	}
}

func TestGoldenAdamW(t *testing.T) {
	g := loadGolden(t)
	backend := modelstest.OpenBackend(t, "xla:cpu")
	a := optim.AdamW{Beta1: g.AdamW.Betas[0], Beta2: g.AdamW.Betas[1], Eps: g.AdamW.Eps, WeightDecay: g.AdamW.WeightDecay}
	layout := g.model.Layout()
	flat, m, v := g.flat, make([]float32, len(g.flat)), make([]float32, len(g.flat))
	exec := g.exec(t, backend, 3, func(in batch, extra []*Node) []*Node {
		grad := layout.Concat(gradients(in.loss(), layout, in.params))
		scalar := func(i int) *Node { return Reshape(Slice(extra[2], AxisElem(i))) }
		p, m, v := a.Update(in.flat, grad, extra[0], extra[1], scalar(0), scalar(1), scalar(2))
		return []*Node{p, m, v, in.loss()}
	})
	for n, want := range g.io["adamw_losses"].Data {
		bc1, bc2 := a.BiasCorrections(n + 1)
		out := g.run(t, exec, flat, m, v, []float32{float32(g.AdamW.LR), float32(bc1), float32(bc2)})
		flat, m, v = out[0], out[1], out[2]
		modelstest.WantClose(t, "loss of an AdamW step", out[3], []float32{want}, 1e-4)
	}
	out := g.call(t, backend, flat, func(in batch) []*Node { return []*Node{in.output} })
	modelstest.WantClose(t, "output after AdamW", out[0], g.nhwc(t, "output_after_adamw"), 1e-3)
}

func TestGoldenWeightsSurviveExportAndImport(t *testing.T) {
	g := loadGolden(t)
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := safetensors.Write(path, g.model.Layout().StateDict(g.flat), map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	dict, _, err := safetensors.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := g.model.Layout().Flatten(dict)
	if err != nil {
		t.Fatal(err)
	}
	modelstest.WantClose(t, "weights", flat, g.flat, 0)
}

func loadGolden(t *testing.T) *golden {
	t.Helper()
	dir := modelstest.GoldenDir(t)
	raw, err := os.ReadFile(filepath.Join(dir, "unet.json"))
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{}
	if err := json.Unmarshal(raw, g); err != nil {
		t.Fatalf("unet.json: %v", err)
	}
	options := defaults()
	dec := json.NewDecoder(strings.NewReader(string(g.Config)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&options); err != nil {
		t.Fatalf("unet.json: config: %v", err)
	}
	g.model = unet.New(options, models.Float32)
	weights, _, err := safetensors.Read(filepath.Join(dir, "unet_weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if g.flat, err = g.model.Layout().Flatten(weights); err != nil {
		t.Fatal(err)
	}
	if g.io, _, err = safetensors.Read(filepath.Join(dir, "unet_io.safetensors")); err != nil {
		t.Fatal(err)
	}
	return g
}

// batch is the golden batch in a graph.
type batch struct {
	flat, output, target *Node
	params               nn.Params
}

func (b batch) loss() *Node { return ReduceAllMean(Square(Sub(b.output, b.target))) }

// exec compiles build for the golden batch and numExtra further inputs.
func (g *golden) exec(t *testing.T, backend compute.Backend, numExtra int, build func(in batch, extra []*Node) []*Node) *Exec {
	t.Helper()
	exec, err := NewExec(backend, func(in []*Node) []*Node {
		params := g.model.Layout().Split(in[0])
		b := batch{flat: in[0], params: params, target: in[4], output: g.model.Forward(params, in[1], in[2], in[3])}
		return build(b, in[5:5+numExtra])
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return exec
}

func (g *golden) run(t *testing.T, exec *Exec, flat []float32, extra ...any) [][]float32 {
	t.Helper()
	labels := make([]int32, len(g.io["label"].Data))
	for i, l := range g.io["label"].Data {
		labels[i] = int32(l)
	}
	args := append([]any{flat, g.tensor(t, "x"), g.io["timestep"].Data, labels, g.tensor(t, "target")}, extra...)
	out, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float32, len(out))
	for i, o := range out {
		values[i] = tensors.MustCopyFlatData[float32](o)
	}
	return values
}

func (g *golden) call(t *testing.T, backend compute.Backend, flat []float32, build func(in batch) []*Node) [][]float32 {
	t.Helper()
	return g.run(t, g.exec(t, backend, 0, func(in batch, _ []*Node) []*Node { return build(in) }), flat)
}

// nhwc returns images of the reference, [batch, channels, height, width], in our order.
func (g *golden) nhwc(t *testing.T, name string) []float32 {
	t.Helper()
	ref, ok := g.io[name]
	if !ok || len(ref.Shape) != 4 {
		t.Fatalf("unet_io.safetensors holds no images %q", name)
	}
	return toNHWC(ref.Data, ref.Shape)
}

func (g *golden) tensor(t *testing.T, name string) *tensors.Tensor {
	t.Helper()
	s := g.io[name].Shape
	return tensors.FromFlatDataAndDimensions(g.nhwc(t, name), s[0], s[2], s[3], s[1])
}

func toNHWC(data []float32, nchw []int) []float32 {
	n, c, h, w := nchw[0], nchw[1], nchw[2], nchw[3]
	out := make([]float32, 0, len(data))
	for i := range n {
		for y := range h {
			for x := range w {
				for k := range c {
					out = append(out, data[((i*c+k)*h+y)*w+x])
				}
			}
		}
	}
	return out
}

func gradients(loss *Node, layout nn.Layout, params nn.Params) nn.Params {
	var nodes []*Node
	for _, p := range layout.Entries() {
		nodes = append(nodes, params[p.Name])
	}
	grads := nn.Params{}
	for i, g := range Gradient(loss, nodes...) {
		grads[layout.Entries()[i].Name] = g
	}
	return grads
}
