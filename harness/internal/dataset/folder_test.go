package dataset

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plain is a picture of one colour, as PNG.
func plain(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put writes a file below a folder.
func put(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// shades puts n pictures of different shades of red or green into each of the folders.
func shades(t testing.TB, dir string, n int, folders ...string) {
	t.Helper()
	for i, folder := range folders {
		for j := range n {
			c := color.RGBA{R: uint8(5 * j), G: uint8(i * 10), A: 255}
			put(t, dir, fmt.Sprintf("%s/%d.png", folder, j), plain(t, 4, 4, c))
		}
	}
}

// freshCache gives a test a cache of its own.
func freshCache(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(PreparedDirEnv, dir)
	return dir
}

func folderOptions(dir string) Options {
	return Options{Name: "image_folder", Dir: dir, Split: "train"}
}

func TestFolderOfClasses(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 30, "red", "yellow/deeper")
	put(t, dir, "red/notes.txt", []byte("no picture"))
	put(t, dir, ".hidden/x.png", []byte("no picture"))
	train, err := Open(t.Context(), folderOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	o := folderOptions(dir)
	o.Split = "test"
	test, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if train.N+test.N != 60 || test.N == 0 || test.N > 18 || train.Test != test.N || train.Train != train.N {
		t.Fatalf("%d to train on and %d to test on, of 60", train.N, test.N)
	}
	if !slices.Equal(train.ClassNames, []string{"red", "yellow"}) || train.Classes != 2 || train.Channels != 3 || train.Height != 4 {
		t.Errorf("classes %v, spec %+v", train.ClassNames, train.Spec)
	}
	for _, d := range []*Dataset{train, test} {
		for i := range d.N {
			if p := d.Images[i*48 : i*48+3]; p[1] != 10*d.Labels[i] || p[2] != 0 {
				t.Errorf("%s image %d is %v and has label %d", d.Split, i, p, d.Labels[i])
			}
		}
	}
	// The first images are of all classes.
	o = folderOptions(dir)
	o.Limit = 12
	few, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(few.Images, train.Images[:len(few.Images)]) || !slices.Contains(few.Labels, 0) || !slices.Contains(few.Labels, 1) {
		t.Errorf("the first 12 images have labels %v", few.Labels)
	}
}

// What is trained on depends on the pictures alone: not on their names, not on which cache there is, nor on how often it is read.
func TestFolderIsItsPictures(t *testing.T) {
	cache := freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 20, "a", "b")
	first, err := Measure(t.Context(), folderOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	packs := func() int {
		names, _ := filepath.Glob(filepath.Join(cache, "*.pack"))
		left, _ := filepath.Glob(filepath.Join(cache, partialName))
		if len(left) > 0 {
			t.Errorf("the cache holds %v", left)
		}
		return len(names)
	}
	if err := os.Rename(filepath.Join(dir, "a", "1.png"), filepath.Join(dir, "a", "zz.png")); err != nil {
		t.Fatal(err)
	}
	renamed, err := Measure(t.Context(), folderOptions(dir))
	if err != nil || renamed.SHA256 != first.SHA256 || packs() != 1 {
		t.Errorf("renamed, the fingerprint is %v, not %v, and there are %d caches (%v)", renamed, first, packs(), err)
	}
	freshCache(t)
	again, err := Measure(t.Context(), folderOptions(dir))
	if err != nil || again.SHA256 != first.SHA256 {
		t.Errorf("with another cache the fingerprint is %v, not %v (%v)", again, first, err)
	}

	// A run that goes on refuses other pictures.
	o := folderOptions(dir)
	o.Expect = first
	put(t, dir, "a/new.png", plain(t, 4, 4, color.White))
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "holds other images than data.found says (") {
		t.Errorf("with another picture the error is %v", err)
	}
}

// A damaged cache is noticed and made again.
func TestDamagedCache(t *testing.T) {
	cache := freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 5, "a", "b")
	want, err := Open(t.Context(), folderOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(cache, "*.pack"))
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{"cut": whole[:len(whole)-40], "empty": {}, "marked only": []byte("12345678" + packMark)} {
		put(t, cache, filepath.Base(names[0]), data)
		got, err := Open(t.Context(), folderOptions(dir))
		if err != nil || got.Fingerprint != want.Fingerprint {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := bytes.Clone(whole)
	other[3]++
	put(t, cache, filepath.Base(names[0]), other)
	if _, err := Open(t.Context(), folderOptions(dir)); err == nil || !strings.Contains(err.Error(), "was damaged and is removed") {
		t.Errorf("a changed pixel: %v", err)
	}
	if got, err := Open(t.Context(), folderOptions(dir)); err != nil || got.Fingerprint != want.Fingerprint {
		t.Errorf("afterwards: %v", err)
	}
}

// More than memory allows is mapped, and is the same.
func TestImagesLargerThanMemoryAreMapped(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 30, "a", "b")
	for _, split := range []string{"train", "test"} {
		o := folderOptions(dir)
		o.Split = split
		inMemory, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		o.Memory = 1
		mapped, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if mapped.unmap == nil || inMemory.unmap != nil || mapped.Fingerprint != inMemory.Fingerprint || !bytes.Equal(mapped.Images,
			inMemory.Images) {
			t.Errorf("%s: mapped %v, in memory %v", split, mapped.unmap != nil, inMemory.unmap == nil)
		}
		if err := mapped.Close(); err != nil {
			t.Error(err)
		}
		if err := mapped.Close(); err != nil {
			t.Errorf("the second time: %v", err)
		}
	}
}

func TestFlatFolderHasNoClasses(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 10, ".")
	d, err := Open(t.Context(), folderOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	if d.Classes != 0 || d.ClassNames != nil {
		t.Errorf("there are %d classes %v", d.Classes, d.ClassNames)
	}
	l, err := NewLoader(d, LoaderOptions{BatchSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	labels := []int32{7, 7, 7, 7}
	l.Fill(0, make([]float32, 4*48), labels)
	if !slices.Equal(labels, []int32{0, 0, 0, 0}) {
		t.Errorf("labels are %v, want no class", labels)
	}
}

func TestFoldersTrainAndTest(t *testing.T) {
	freshCache(t)
	for _, name := range testFolders {
		dir := t.TempDir()
		shades(t, dir, 6, "train/a", "train/b")
		shades(t, dir, 2, name+"/a")
		found, err := Measure(t.Context(), folderOptions(dir))
		if err != nil || found.Train != 12 || found.Test != 2 || found.Classes != 2 {
			t.Errorf("%s: %+v (%v)", name, found, err)
		}
	}
}

// An image stays in its split when others come, and equal ones are in one.
func TestSplitIsByContent(t *testing.T) {
	o := Options{Own: Own{TestFraction: 0.25}}
	n := 0
	for i := range 4000 {
		if o.inTest([32]byte{byte(i * 7), byte(i >> 4), byte(i)}) {
			n++
		}
	}
	if n < 850 || n > 1150 {
		t.Errorf("%d of 4000 are tested on, want a quarter", n)
	}
	var taken []int
	splitByHash(4, 2, func(i int) (int, bool) { return i / 2, i < 3 }, func(i int) { taken = append(taken, i) })
	if !slices.Equal(taken, []int{2}) {
		t.Errorf("%v are tested on: a class keeps its last images to train on", taken)
	}
}

func TestBrokenPictures(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 10, "a", "b")
	put(t, dir, "a/broken.png", plain(t, 4, 4, color.White)[:60])
	put(t, dir, "b/empty.jpg", nil)
	for _, size := range []int{0, 4} { // with and without a look at all headers before
		o := folderOptions(dir)
		o.Size = size
		if _, err := Measure(t.Context(), o); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "a", "broken.png")) &&
			!strings.Contains(err.Error(), filepath.Join(dir, "b", "empty.jpg")) || !strings.Contains(err.Error(), "data.skip_broken: true") {
			t.Errorf("error is %v", err)
		}
		o.SkipBroken = true
		found, err := Measure(t.Context(), o)
		if err != nil || found.Train+found.Test != 20 || len(found.Skipped) != 2 || !strings.Contains(found.Skipped[1], "the file is empty") {
			t.Errorf("found %+v (%v)", found, err)
		}
		d, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.N {
			if d.Images[i*48+1] != 10*d.Labels[i] {
				t.Errorf("image %d is not of label %d", i, d.Labels[i])
			}
		}
	}
}

func TestFoldersThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(dir string)
		size int
		want string
	}{
		{"empty", func(string) {}, 0, "holds no pictures (.png, .jpg"},
		{"a class without pictures", func(dir string) { shades(t, dir, 3, "a"); put(t, dir, "b/x.txt", nil) }, 0,
			"b holds no pictures, but each folder beside it is a class"},
		{"pictures beside classes", func(dir string) { shades(t, dir, 3, "a"); shades(t, dir, 1, ".") }, 0, "beside folders of pictures, " +
			"such as a"},
		{"one picture", func(dir string) { shades(t, dir, 1, "a") }, 0, "there is one image; training takes at least two"},
		{"sizes that differ", func(dir string) { shades(t, dir, 2, "a"); put(t, dir, "a/x.png", plain(t, 5, 4, color.White)) }, 0,
			"; set data.size"},
		{"larger than is possible", func(dir string) {
			put(t, dir, "a/x.png", plain(t, 5000, 1, color.White))
			put(t, dir, "a/y.png", plain(t, 5000, 1, color.Black))
		}, 0, "images of 1×5000 are larger than 4096×4096: set data.size"},
		{"a class that is tested on only", func(dir string) { shades(t, dir, 2, "train/a", "test/b") }, 0,
			"test has pictures of class b, "},
		{"a link that leads back", func(dir string) {
			shades(t, dir, 2, "a/b")
			if err := os.Symlink(filepath.Join(dir, "a"), filepath.Join(dir, "a", "b", "loop")); err != nil {
				t.Fatal(err)
			}
		}, 0, filepath.Join("a", "b", "loop") + " is a link that leads back to "},
		{"a link to the folder itself", func(dir string) {
			shades(t, dir, 2, "a")
			if err := os.Symlink("..", filepath.Join(dir, "a", "up")); err != nil {
				t.Fatal(err)
			}
		}, 0, filepath.Join("a", "up") + " is a link that leads back to "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache, dir := freshCache(t), t.TempDir()
			tc.make(dir)
			o := folderOptions(dir)
			o.Size = tc.size
			if _, err := Measure(t.Context(), o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
			if left, _ := filepath.Glob(filepath.Join(cache, "*.p*")); len(left) > 0 {
				t.Errorf("it has left %v", left)
			}
		})
	}
}

// A folder that changes is read anew, also when size and time of a file stay.
func TestChangedPicturesAreNoticed(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 6, "a")
	before, err := Measure(t.Context(), folderOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a", "3.png")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a/3.png", plain(t, 4, 4, color.RGBA{R: 16, G: 1, A: 255}))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	after, err := Measure(t.Context(), folderOptions(dir))
	if err != nil || after.SHA256 == before.SHA256 {
		t.Errorf("the fingerprint is still %s (%v)", after.SHA256, err)
	}
	if _, err := (folderPicture{path: path}).read(); err == nil || !strings.Contains(err.Error(), "is being changed") {
		t.Errorf("a picture that is not the one that was hashed: %v", err)
	}
}

func TestPreparingIsShownAndInterrupted(t *testing.T) {
	freshCache(t)
	dir := t.TempDir()
	shades(t, dir, 50, "a", "b", "c")
	seen := map[string]int{}
	stop := Attend(t.Context(), func(what string, _, _ int) { seen[what]++ })
	defer stop()
	ctx, cancel := context.WithCancel(Attended())
	cancel()
	if _, err := Measure(ctx, folderOptions(dir)); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("interrupted, the error is %v", err)
	}
	if _, err := Measure(t.Context(), folderOptions(dir)); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"reading pictures", "looking at pictures", "preparing pictures"} {
		if seen[what] == 0 {
			t.Errorf("%q is not shown, but %v", what, seen)
		}
	}
}
