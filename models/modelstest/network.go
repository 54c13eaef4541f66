package modelstest

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/models"
	"flowharness/models/nn"
)

// Differentiate runs a network on three samples of data whose i-th value is cos(0.3i), at the timesteps 0, 17.5
// and 999. It returns the output, the mean of its squares, and the gradient of that by the parameters.
func Differentiate(
	t *testing.T, backend string, m models.Network, data models.Data, flat []float32, labels []int32,
) (output []float32, loss float32, gradient []float32) {
	t.Helper()
	x := make([]float32, 3*data.Pixels())
	for i := range x {
		x[i] = float32(math.Cos(0.3 * float64(i)))
	}
	exec, err := NewExec(OpenBackend(t, backend), func(flat, x, timestep, labels *Node) []*Node {
		y := m.Forward(m.Layout().Split(flat), x, timestep, labels)
		loss := ReduceAllMean(Square(y))
		return []*Node{y, loss, Gradient(loss, flat)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	images := tensors.FromFlatDataAndDimensions(x, 3, data.Height, data.Width, data.Channels)
	out, err := exec.Call(flat, images, []float32{0, 17.5, 999}, labels)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.ToScalar[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
}

// FormulaWeights fills the k-th parameter by name with amplitude·sin(0.7i + 1.3k).
func FormulaWeights(l nn.Layout, amplitude float64) []float32 {
	flat := make([]float32, l.Size())
	var names []string
	for _, p := range l.Entries() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	for _, p := range l.Entries() {
		k := float64(slices.Index(names, p.Name))
		for i := range p.Size() {
			flat[p.Offset+i] = float32(amplitude * math.Sin(0.7*float64(i)+1.3*k))
		}
	}
	return flat
}
