package dit

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph code reads as formulas
)

// grid is how many patches there are from top to bottom and from left to right.
func (m *DiT) grid() (rows, columns int) {
	return m.data.Height / m.options.PatchSize, m.data.Width / m.options.PatchSize
}

func (m *DiT) tokens() int {
	rows, columns := m.grid()
	return rows * columns
}

// patchify maps images [B,H,W,C] to the values of their patches, row by row: [B,tokens,C·patch²], each in the order
// (channel, row, column) of a convolution's weights.
func (m *DiT) patchify(x *Node) *Node {
	rows, columns := m.grid()
	b, p, c := x.Shape().Dim(0), m.options.PatchSize, x.Shape().Dim(3)
	x = TransposeAllAxes(Reshape(x, b, rows, p, columns, p, c), 0, 1, 3, 5, 2, 4)
	return Reshape(x, b, rows*columns, c*p*p)
}

// unpatchify maps predictions of patches [B,tokens,patch²·C], in the order (row, column, channel), to images [B,H,W,C].
func (m *DiT) unpatchify(x *Node) *Node {
	rows, columns := m.grid()
	b, p, c := x.Shape().Dim(0), m.options.PatchSize, m.data.Channels
	x = TransposeAllAxes(Reshape(x, b, rows, columns, p, p, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, rows*p, columns*p, c)
}

// positions are the sines and cosines of the places of the patches [tokens·hidden]: the first half of a token's those of
// its column, the second half those of its row (Vaswani et al. 2017, section 3.5, all sines before all cosines).
func (m *DiT) positions() []float32 {
	rows, columns := m.grid()
	quarter := m.options.HiddenSize / 4
	values := make([]float32, 0, rows*columns*m.options.HiddenSize)
	add := func(place int, f func(float64) float64) {
		for i := range quarter {
			values = append(values, float32(f(float64(place)/math.Pow(10000, float64(i)/float64(quarter)))))
		}
	}
	for row := range rows {
		for column := range columns {
			for _, place := range []int{column, row} {
				add(place, math.Sin)
				add(place, math.Cos)
			}
		}
	}
	return values
}
