package plane

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"testing"
)

func picture() Picture {
	data := []float32{0, 0, 1, 1, -1, -1}
	p := Picture{Data: data, Samples: []float32{0.5, 0.5, -0.5, 0}, Classes: []int{0, 1}, Paths: [][]float32{{0, 0, 0.5, 0.5}, {1, 0,
		-0.5, 0}}}
	for _, t := range []float64{0, 0.25, 0.5, 0.75, 1} {
		p.Moments = append(p.Moments, Moment{T: t, Samples: p.Samples, At: Field(data, nil, 3), Velocity: make([]float32, 18)})
		p.Moments[len(p.Moments)-1].Velocity[0] = 1
	}
	return p
}

func TestAPictureHasACellForEachPart(t *testing.T) {
	all := picture()
	onlySamples := Picture{Data: all.Data, Samples: all.Samples}
	for _, tc := range []struct {
		name          string
		picture       Picture
		width, height int
	}{
		{"samples alone", onlySamples, 2 * Cell, Cell + Title},
		{"with paths and field", all, Columns * Cell, 2 * (Cell + Title)},
	} {
		img := decode(t, tc.picture)
		if size := img.Bounds().Size(); size != image.Pt(tc.width, tc.height) {
			t.Errorf("%s: %v, want %d×%d", tc.name, size, tc.width, tc.height)
		}
	}
	first, _ := Encode(all)
	again, _ := Encode(picture())
	if !bytes.Equal(first, again) {
		t.Error("equal pictures are different files")
	}
}

func TestAPointIsDrawnAtItsPlaceInItsColour(t *testing.T) {
	// The middle of the data, which is the middle of the panel, holds a sample of class 1 alone.
	p := Picture{Data: []float32{-1, -1, 1, 1}, Samples: []float32{0, 0}, Classes: []int{1}}
	img := decode(t, p)
	r, _, b, _ := img.At(Cell+Cell/2, Title+Cell/2).RGBA()
	if r <= b {
		t.Errorf("the point is red %d and blue %d, want orange", r>>8, b>>8)
	}
	if r, g, b, _ := img.At(Cell+Cell/2+20, Title+Cell/2).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
		t.Error("there is a point where there is none")
	}
}

func TestWhatIsFarAwayOrNoNumberIsNotDrawn(t *testing.T) {
	p := picture()
	nan := float32(math.NaN())
	p.Samples = []float32{nan, 1, 1e30, float32(math.Inf(1))}
	p.Paths = [][]float32{{0, 0, nan, nan}, {0, 0, 1e30, 1}}
	p.Moments[0].Velocity[3] = nan
	decode(t, p)
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	for name, p := range map[string]Picture{
		"no points":       {Data: []float32{0, 0}},
		"no data":         {Samples: []float32{0, 0}},
		"half a point":    {Data: []float32{0, 0}, Samples: []float32{0, 0, 1}},
		"a class too few": {Data: []float32{0, 0}, Samples: []float32{0, 0, 1, 1}, Classes: []int{0}},
	} {
		if _, err := Encode(p); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
	if _, err := EncodeData(nil, nil); err == nil {
		t.Error("no data is drawn")
	}
}

func decode(t *testing.T, p Picture) image.Image {
	t.Helper()
	file, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestMomentsAreCutFromAPicture(t *testing.T) {
	file, err := Encode(picture())
	if err != nil {
		t.Fatal(err)
	}
	cells := MomentCells(file)
	if len(cells) != Moments || cells[0] != fixedCells {
		t.Fatalf("the moments are cells %v", cells)
	}
	whole, _ := png.Decode(bytes.NewReader(file))
	last, err := CutCell(file, cells[Moments-1])
	if err != nil {
		t.Fatal(err)
	}
	part, _ := png.Decode(bytes.NewReader(last))
	if size := part.Bounds().Size(); size != image.Pt(Cell, Title+Cell) {
		t.Fatalf("a cell is of %v", size)
	}
	for y := range Title + Cell {
		for x := range Cell {
			if part.At(x, y) != whole.At(3*Cell+x, Title+Cell+y) {
				t.Fatalf("pixel %d, %d of the last cell is another", x, y)
			}
		}
	}
	alone, _ := Encode(Picture{Data: []float32{0, 0}, Samples: []float32{0, 0}})
	if MomentCells(alone) != nil || MomentCells([]byte("no picture")) != nil {
		t.Error("a picture without moments has some")
	}
	for _, cell := range []int{-1, 8} {
		if _, err := CutCell(file, cell); err == nil {
			t.Errorf("there is a cell %d", cell)
		}
	}
}
