package plane

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
)

// Moments is how many moments of a way a whole picture has.
const Moments = 5

// fixedCells come before the moments: data, samples and paths.
const fixedCells = 3

// MomentCells are the cells of a picture that show moments; none if it has none.
func MomentCells(picture []byte) []int {
	size, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil || size.Width != Columns*Cell || size.Height != (fixedCells+Moments)/Columns*(Title+Cell) {
		return nil
	}
	var cells []int
	for i := range Moments {
		cells = append(cells, fixedCells+i)
	}
	return cells
}

// CutCell is a cell of a picture, by its number from 0, as a picture of its own. It is an error if the picture is not one of
// cells, or has no such cell.
func CutCell(picture []byte, cell int) ([]byte, error) {
	size, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	columns, rows := size.Width/Cell, size.Height/(Title+Cell)
	if size.Width%Cell != 0 || size.Height%(Title+Cell) != 0 || cell < 0 || cell >= columns*rows {
		return nil, fmt.Errorf("a picture of %d×%d has no cell %d", size.Width, size.Height, cell)
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	out := image.NewRGBA(image.Rect(0, 0, Cell, Title+Cell))
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min.Add(image.Pt(cell%columns*Cell, cell/columns*(Title+Cell))), draw.Src)
	var buf bytes.Buffer
	err = png.Encode(&buf, out)
	return buf.Bytes(), err
}
