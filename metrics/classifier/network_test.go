package classifier

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
)

func TestParametersFillTheFlatVector(t *testing.T) {
	at := 0
	for _, p := range mnist.Params() {
		if p.Offset != at {
			t.Errorf("%s begins at %d, the one before ends at %d", p.Name, p.Offset, at)
		}
		at += p.Size()
	}
	if at != mnist.Size() || mnist.Size() != 112_634 {
		t.Errorf("%d parameters end at %d", mnist.Size(), at)
	}
	w := testWeights()
	for _, p := range mnist.Params() {
		values := w[p.Offset : p.Offset+p.Size()]
		if bound := float32(p.bound); slices.Max(values) > bound || slices.Min(values) < -bound || slices.Max(values) < bound/2 {
			t.Errorf("%s is initialised in %g … %g, its bound is %g", p.Name, slices.Min(values), slices.Max(values), bound)
		}
	}
}

// TestForwardIsTheFormula compares with the layers written out as loops.
func TestForwardIsTheFormula(t *testing.T) {
	for _, name := range []string{"go", "xla:cpu"} {
		for _, shape := range []Shape{mnist, flags} {
			t.Run(name+"/"+shape.String(), func(t *testing.T) {
				weights, images := weightsOf(shape), imagesOf(shape, 2)
				exec := MustNewExec(openBackend(t, name), shape.Forward)
				out := exec.MustCall(tensors.FromFlatDataAndDimensions(weights, len(weights)),
					tensors.FromFlatDataAndDimensions(images, 2, shape.Height, shape.Width, shape.Channels))
				logits, features := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
				if len(logits) != 2*shape.Classes || len(features) != 2*NumFeatures {
					t.Fatalf("%d logits and %d features", len(logits), len(features))
				}
				for i := range 2 {
					wantLogits, wantFeatures := byHand(shape, weights, images[i*shape.Pixels():(i+1)*shape.Pixels()])
					compare(t, "logit", logits[i*shape.Classes:(i+1)*shape.Classes], wantLogits)
					compare(t, "feature", features[i*NumFeatures:(i+1)*NumFeatures], wantFeatures)
				}
			})
		}
	}
}

func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i, v := range got {
		if math.Abs(float64(v)-want[i]) > 1e-5 {
			t.Errorf("%s %d is %g, want %g", what, i, v, want[i])
		}
	}
}

func byHand(shape Shape, flat, image []float32) (logits, features []float64) {
	get := map[string][]float32{}
	for _, p := range shape.Params() {
		get[p.Name] = flat[p.Offset : p.Offset+p.Size()]
	}
	silu := func(x float64) float64 { return x / (1 + math.Exp(-x)) }
	x, height, width, channels := make([]float64, len(image)), shape.Height, shape.Width, shape.Channels
	for i, v := range image {
		x[i] = float64(v)
	}
	for _, c := range []struct {
		name        string
		out, stride int
	}{{"conv1", 16, 1}, {"conv2", 32, 2}, {"conv3", 48, 2}, {"conv4", 64, 2}} {
		w, bias := get[c.name+".weight"], get[c.name+".bias"]
		rows, cols := (height+c.stride-1)/c.stride, (width+c.stride-1)/c.stride
		y := make([]float64, rows*cols*c.out)
		for row := range rows {
			for col := range cols {
				for o := range c.out {
					sum := float64(bias[o])
					for i := range channels {
						for dy := range 3 {
							for dx := range 3 {
								v, u := row*c.stride+dy-1, col*c.stride+dx-1
								if v >= 0 && v < height && u >= 0 && u < width {
									sum += float64(w[((o*channels+i)*3+dy)*3+dx]) * x[(v*width+u)*channels+i]
								}
							}
						}
					}
					y[(row*cols+col)*c.out+o] = silu(sum)
				}
			}
		}
		x, height, width, channels = y, rows, cols, c.out
	}
	linear := func(name string, x []float64, out int) []float64 {
		y := make([]float64, out)
		for o := range y {
			y[o] = float64(get[name+".bias"][o])
			for i, v := range x {
				y[o] += float64(get[name+".weight"][o*len(x)+i]) * v
			}
		}
		return y
	}
	features = linear("fc1", x, NumFeatures)
	for i, v := range features {
		features[i] = silu(v)
	}
	return linear("fc2", features, shape.Classes), features
}

func TestReadingDoesNotDependOnTheOtherImages(t *testing.T) {
	images := testImages(readBatch + 3)
	r, err := NewReader(openBackend(t, "xla:cpu"), mnist, testWeights())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Finalize()
	pixels := mnist.Pixels()
	classes, features, err := r.Run(images, readBatch+3)
	if err != nil || len(classes) != readBatch+3 || len(features) != (readBatch+3)*NumFeatures {
		t.Fatalf("%d classes, %d features, %v", len(classes), len(features), err)
	}
	for _, i := range []int{0, readBatch - 1, readBatch + 2} {
		class, feature, err := r.Run(images[i*pixels:(i+1)*pixels], 1)
		if err != nil || class[0] != classes[i] || !slices.Equal(feature, features[i*NumFeatures:(i+1)*NumFeatures]) {
			t.Errorf("image %d alone is read as %d, among the others as %d, or has other features (%v)", i, class[0], classes[i], err)
		}
	}
	if classes, features, err := r.Run(nil, 0); err != nil || len(classes)+len(features) != 0 {
		t.Errorf("no images: %v %v %v", classes, features, err)
	}
	beyond := slices.Clone(images[:pixels])
	clipped := slices.Clone(beyond)
	beyond[7], clipped[7], beyond[9], clipped[9] = 3, 1, -1.5, -1
	_, first, err1 := r.Run(beyond, 1)
	_, second, err2 := r.Run(clipped, 1)
	if err1 != nil || err2 != nil || !slices.Equal(first, second) {
		t.Errorf("values beyond the range are not clipped (%v, %v)", err1, err2)
	}
	for _, n := range []int{-1, 1, 3} {
		if _, _, err := r.Run(images[:2*pixels], n); err == nil {
			t.Errorf("two images pass for %d", n)
		}
	}
}

func TestWeightsThatDoNotFitAreRefused(t *testing.T) {
	b := openBackend(t, "go")
	broken := testWeights()
	broken[5] = float32(math.NaN())
	for _, w := range [][]float32{nil, testWeights()[1:], broken} {
		if _, err := NewReader(b, mnist, w); err == nil {
			t.Errorf("a reader takes %d parameters that are none", len(w))
		}
		if _, err := NewTrainer(b, mnist, w, nil); err == nil {
			t.Errorf("a trainer takes %d parameters that are none", len(w))
		}
	}
}

// TestTrainingStepIsGradientDescent: with plain descent as the update, the loss
// of random logits is about ln 10, and a step changes each parameter by the
// gradient that differences of the loss say.
func TestTrainingStepIsGradientDescent(t *testing.T) {
	b := openBackend(t, "xla:cpu")
	weights, images, labels := testWeights(), testImages(4), []int32{3, 1, 4, 1}
	descend := func(param, grad, m, v, lr, _, _ *Node) (*Node, *Node, *Node) { return Sub(param, Mul(lr, grad)), m, v }
	step := func(weights []float32, lr float64) (float64, []float32) {
		trainer, err := NewTrainer(b, mnist, slices.Clone(weights), descend)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Finalize()
		loss, err := trainer.Step(images, labels, lr, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		after, err := trainer.Weights()
		if err != nil {
			t.Fatal(err)
		}
		return loss, after
	}
	loss, after := step(weights, 1)
	if math.Abs(loss-math.Ln10) > 0.3 {
		t.Errorf("the loss of random weights is %g, want about ln 10", loss)
	}
	for _, name := range []string{"fc2.weight", "conv1.weight", "conv3.bias"} {
		i := slices.IndexFunc(mnist.Params(), func(p Param) bool { return p.Name == name })
		p := mnist.Params()[i]
		// Along the parameter's own gradient, whose squared norm is the slope.
		const size = 0.02
		var slope float64
		there, back := slices.Clone(weights), slices.Clone(weights)
		for j := p.Offset; j < p.Offset+p.Size(); j++ {
			g := float64(weights[j]) - float64(after[j])
			slope += g * g
			there[j] += float32(size * g)
			back[j] -= float32(size * g)
		}
		up, _ := step(there, 0)
		down, _ := step(back, 0)
		if got := (up - down) / (2 * size); math.Abs(got-slope) > 0.03*slope+1e-5 {
			t.Errorf("%s: the loss changes by %g along its gradient, whose square is %g", name, got, slope)
		}
	}
}

func TestShapesThatNoNetworkHasAreRefused(t *testing.T) {
	for _, s := range []Shape{{}, {28, 28, 0, 10}, {28, 28, 1, 0}, {28, 28, 1, 257}, {-1, 28, 1, 10}} {
		if err := s.CheckWeights(nil); err == nil {
			t.Errorf("there is a classifier of %v", s)
		}
	}
}
