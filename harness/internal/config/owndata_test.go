package config

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/dataset"
)

// ownPictures are the overrides that a shipped config takes to be loaded: a folder of pictures for one of people's own.
func ownPictures(t *testing.T, path string) []string {
	t.Helper()
	if filepath.Base(path) != "folder_fm.yaml" {
		return nil
	}
	return []string{"data.dir=" + pictureFolder(t, 40)}
}

// pictureFolder makes a folder of n pictures in two classes.
func pictureFolder(t *testing.T, n int) string {
	t.Helper()
	t.Setenv(dataset.PreparedDirEnv, t.TempDir())
	dir := t.TempDir()
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for p := range 32 * 32 {
			img.Set(p%32, p/32, color.RGBA{R: uint8(6 * i), G: uint8(p), B: uint8(p / 32), A: 0xff})
		}
		path := filepath.Join(dir, []string{"left", "right"}[i%2], fmt.Sprintf("%d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What a folder holds is found once and written out: a recorded config is read without it.
func TestOwnDataIsFoundAndRecorded(t *testing.T) {
	dir := pictureFolder(t, 40)
	text := "data: {name: image_folder, dir: " + dir + ", drop_last: false}\nmodel: {block_out_channels: [32, 64]}\ntrain: {steps: 100}"
	r := parseOK(t, text)
	spec, found := r.Config.Spec(), r.Config.Data.Found
	if spec.Height != 32 || spec.Width != 32 || spec.Channels != 3 || spec.Classes != 2 || spec.Train+spec.Test != 40 || spec.Test == 0 {
		t.Errorf("the folder is said to hold %+v", spec)
	}
	if r.Config.Metrics.ValidationImages != found.Test {
		t.Errorf("%d images are validated on, want %d", r.Config.Metrics.ValidationImages, found.Test)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again := parseOK(t, string(r.YAML))
	if again.Hash != r.Hash || again.Config.Spec() != spec {
		t.Errorf("the recorded config means %+v, not %+v", again.Config.Spec(), spec)
	}
	if _, err := Parse("x.yaml", []byte(text), nil); !strings.Contains(errorText(err), "x.yaml:1:28: data.dir: there is no folder "+dir) {
		t.Errorf("without the folder the error is %v", err)
	}
}

func TestOwnDataThatIsRefused(t *testing.T) {
	dir := pictureFolder(t, 10)
	for _, tc := range []struct{ name, text, want string }{
		{"no folder", "data: {name: image_folder}", "x.yaml:1:8: data.dir: names no folder"},
		{"a key of another dataset", "data: {name: digits, size: 32}", "x.yaml:1:22: data.size: is for image_folder"},
		{"guidance without classes", "data: {name: image_folder, dir: " + filepath.Join(dir, "left") +
			", drop_last: false}\nsampling: {guidance: [3]}", "x.yaml:2:23: sampling.guidance[0]: guidance 3 needs classes, which dataset " +
			"image_folder does not have; use 1"},
		{"half of what was found", "data: {name: image_folder, found: {sha256: " + strings.Repeat("ab", 32) + "}}",
			"data.found: does not say all that was found"},
		{"more images than there are", "data: {name: image_folder, dir: " + dir + ", limit: 11}", "data.limit: must be at most "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(tc.text+"\nmodel: {block_out_channels: [32, 64]}\ntrain: {steps: 10, batch_size: 2}"), nil)
			if got := errorText(err); !strings.Contains(got, tc.want) {
				t.Errorf("error is %q, want %q", got, tc.want)
			}
		})
	}
}
