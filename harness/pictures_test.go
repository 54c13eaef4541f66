package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/image/bmp"
)

// makePictures is pictures FOLDER COUNT: so many pictures of different sizes, colours and formats.
func makePictures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pictures FOLDER COUNT")
	}
	dir := ts.MkAbs(args[0])
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o755))
	for i := range n {
		width, height := 20+i%7, 16+i%5
		img := image.NewRGBA(image.Rect(0, 0, width, height))
		for p := range width * height {
			img.Set(p%width, p/width, color.RGBA{R: uint8(10 * i), G: uint8(len(filepath.Base(dir)) * 20), B: uint8(p % width * 9), A: 255})
		}
		var data bytes.Buffer
		ext := []string{"png", "jpg", "bmp"}[i%3]
		switch ext {
		case "png":
			err = png.Encode(&data, img)
		case "jpg":
			err = jpeg.Encode(&data, img, nil)
		default:
			err = bmp.Encode(&data, img)
		}
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.%s", i, ext)), data.Bytes(), 0o644))
	}
}
