package optim

import (
	"math"
	"testing"

	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func TestUpdatesFollowTheAlgorithm(t *testing.T) {
	a := AdamW{Beta1: 0.8, Beta2: 0.95, Eps: 1e-6, WeightDecay: 0.1}
	const lr = 0.01
	backend, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	exec, err := NewExec(backend, func(p, g, m, v, s *Node) []*Node {
		at := func(i int) *Node { return Reshape(Slice(s, AxisElem(i))) }
		p, m, v = a.Update(p, g, m, v, at(0), at(1), at(2))
		return []*Node{p, m, v}
	})
	if err != nil {
		t.Fatal(err)
	}
	p, m, v := []float32{1, -2, 0.5}, make([]float32, 3), make([]float32, 3)
	want, wantM, wantV := []float64{1, -2, 0.5}, make([]float64, 3), make([]float64, 3)
	for n := 1; n <= 4; n++ {
		g := []float32{0.3 * float32(n), -1e-4, 5}
		c1, c2 := a.BiasCorrections(n)
		out, err := exec.Call(p, g, m, v, []float32{lr, float32(c1), float32(c2)})
		if err != nil {
			t.Fatal(err)
		}
		p, m, v = tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
		for i := range want {
			grad := float64(g[i])
			want[i] *= 1 - lr*a.WeightDecay
			wantM[i] = a.Beta1*wantM[i] + (1-a.Beta1)*grad
			wantV[i] = a.Beta2*wantV[i] + (1-a.Beta2)*grad*grad
			mHat := wantM[i] / (1 - math.Pow(a.Beta1, float64(n)))
			vHat := wantV[i] / (1 - math.Pow(a.Beta2, float64(n)))
			want[i] -= lr * mHat / (math.Sqrt(vHat) + a.Eps)
			if math.Abs(float64(p[i])-want[i]) > 1e-6 {
				t.Errorf("update %d, parameter %d is %v, want %v", n, i, p[i], want[i])
			}
		}
	}
}

func TestClippingKeepsTheDirectionAndBoundsTheNorm(t *testing.T) {
	backend, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name       string
		max, first float64 // of gradient (3, 4), norm 5
	}{
		{"off", 0, 3}, {"above the norm", 10, 3}, {"below the norm", 1, 0.6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			exec, err := NewExec(backend, func(g *Node) []*Node {
				clipped, norm := ClipByGlobalNorm(g, tc.max)
				return []*Node{clipped, norm}
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Call([]float32{3, 4})
			if err != nil {
				t.Fatal(err)
			}
			got, norm := tensors.MustCopyFlatData[float32](out[0])[0], tensors.ToScalar[float32](out[1])
			if math.Abs(float64(got)-tc.first) > 1e-5 || norm != 5 {
				t.Errorf("first is %v, norm %v; want %v and 5", got, norm, tc.first)
			}
		})
	}
}

func TestBiasCorrectionsAreExact(t *testing.T) {
	c1, c2 := DefaultAdamW().BiasCorrections(1)
	if math.Abs(c1-0.1) > 1e-15 || math.Abs(c2-0.001) > 1e-15 {
		t.Errorf("corrections of the first update are %v and %v", c1, c2)
	}
}
