package grid

import "flowharness/harness/internal/dataset"

// Contact sheets are at most so wide, in pixels and in images, and so high, in images.
const (
	sheetWidth = 1400
	sheetCols  = 20
	sheetRows  = 10
)

// SheetImages is how many of n images [Sheet] draws.
func SheetImages(shape dataset.Spec, n int) int {
	rows, cols := sheetShape(shape, n)
	return rows * cols
}

// Sheet is the contact sheet of a dataset: its first images, at most 200 and fewer of large ones.
func Sheet(d *dataset.Dataset) ([]byte, error) {
	rows, cols := sheetShape(d.Spec, d.N)
	images := make([]float32, rows*cols*d.Pixels())
	for i := range rows * cols {
		d.Image(i, false, images[i*d.Pixels():(i+1)*d.Pixels()])
	}
	return Encode(images, d.Spec, rows, cols)
}

func sheetShape(shape dataset.Spec, n int) (rows, cols int) {
	cols = max(1, min(sheetCols, n, sheetWidth/(shape.Width*scaleOf(shape)+gutter)))
	return min(sheetRows, n/cols), cols
}
