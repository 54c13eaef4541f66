package main

import (
	"context"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"flowharness/harness/internal/dataset"
)

// datasetsEnv makes the program of the scripts know two more datasets, drawings and
// flags.
const datasetsEnv = "HARNESS_TEST_DATASETS"

func registerDatasets() {
	dataset.Register(drawings)
	dataset.Register(flags{})
}

// drawings is few images whose files a script can write, since nobody has
// published their hashes.
var drawings = dataset.IDX{ID: "drawings", Shape: dataset.Spec{Height: 28, Width: 28, Channels: 1, Classes: 10, Train: 128, Test: 10},
	Files: [4]dataset.IDXFile{{Name: "train-images-idx3-ubyte"}, {Name: "train-labels-idx1-ubyte"},
		{Name: "t10k-images-idx3-ubyte"}, {Name: "t10k-labels-idx1-ubyte"}}}

// flags is a dataset like no other: small images that are wider than high, in
// colour, of three classes. A flag is red, green or blue, with noise.
type flags struct{}

func (flags) Name() string { return "flags" }

func (flags) Spec() dataset.Spec {
	return dataset.Spec{Height: 8, Width: 12, Channels: 3, Classes: 3, Train: 1200, Test: 40}
}

func (flags) Locate(string) dataset.Location { return dataset.Location{Present: true} }

func (f flags) Open(_ context.Context, _, split string, limit int) (*dataset.Dataset, error) {
	spec := f.Spec()
	d := &dataset.Dataset{N: spec.Images(split)}
	if limit > 0 {
		d.N = limit
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(split))))
	for i := range d.N {
		class := i % spec.Classes
		for p := range spec.Pixels() {
			value := rng.IntN(50)
			if p%spec.Channels == class {
				value += 200
			}
			d.Images = append(d.Images, uint8(value))
		}
		d.Labels = append(d.Labels, uint8(class))
	}
	return d, nil
}

// checkPicture is picture FILE WIDTHxHEIGHT grey|colour.
func checkPicture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: picture FILE WIDTHxHEIGHT grey|colour")
	}
	file, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	img, err := png.Decode(file)
	ts.Check(err)
	if got := fmt.Sprintf("%dx%d", img.Bounds().Dx(), img.Bounds().Dy()); got != args[1] {
		ts.Fatalf("%s is %s, want %s", args[0], got, args[1])
	}
	colour := false
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			colour = colour || r != g || g != b
		}
	}
	if colour != (args[2] == "colour") {
		ts.Fatalf("%s is in colour: %v", args[0], colour)
	}
}
