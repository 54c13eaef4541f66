package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRealMNISTIsReadAndVerified(t *testing.T) {
	shared := os.Getenv("HARNESS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "mnist")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared reference material is absent: %v (set HARNESS_SHARED)", err)
	}
	d, err := Open(context.Background(), Options{Name: "mnist", Dir: dir, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	if d.N != 60000 || d.Height != 28 || d.Width != 28 || d.Labels[0] != 5 || d.Labels[1] != 0 {
		t.Errorf("read %d images of %d×%d, first labels %v", d.N, d.Height, d.Width, d.Labels[:2])
	}
	test, err := Open(context.Background(), Options{Name: "mnist", Dir: dir, Split: "test", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if test.N != 100 || test.Labels[0] != 7 || test.Fingerprint == d.Fingerprint {
		t.Errorf("test split: %d images, first label %d", test.N, test.Labels[0])
	}
}

func TestDigitsArePinned(t *testing.T) {
	d, err := Open(context.Background(), Options{Name: "digits", Split: "train", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	const want = "a365e92403aed81ab7be30fe9fc88d712e4b8e27b158e78024166ea4515286f6"
	if d.Fingerprint != want {
		t.Errorf("fingerprint of the first 1000 digits is %s, want %s: every run on digits would change", d.Fingerprint, want)
	}
	fewer, err := Open(context.Background(), Options{Name: "digits", Split: "train", Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fewer.Images, d.Images[:len(fewer.Images)]) {
		t.Error("the first images depend on how many are asked for")
	}
	other, err := Open(context.Background(), Options{Name: "digits", Split: "test", Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(other.Images, fewer.Images) {
		t.Error("test and train splits are the same images")
	}
}

func TestDigitsAreInkOnAnEmptyBorder(t *testing.T) {
	d, err := Open(context.Background(), Options{Name: "digits", Split: "test", Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.N {
		img := d.Images[i*784 : (i+1)*784]
		var ink int
		for _, v := range img {
			if v > 127 {
				ink++
			}
		}
		if ink < 25 || ink > 400 {
			t.Errorf("image %d (a %d) has %d dark pixels", i, d.Labels[i], ink)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := func() map[string][]byte {
		return map[string][]byte{
			"train-images-idx3-ubyte": idx(3, []int{2, 28, 28}, make([]byte, 2*784)),
			"train-labels-idx1-ubyte": idx(1, []int{2}, []byte{3, 9}),
			"t10k-images-idx3-ubyte":  idx(3, []int{1, 28, 28}, make([]byte, 784)),
			"t10k-labels-idx1-ubyte":  idx(1, []int{1}, []byte{3}),
		}
	}
	for _, tc := range []struct {
		name   string
		change func(files map[string][]byte)
		want   string
	}{
		{"a folder without the files", func(f map[string][]byte) { clear(f) }, "harness data fetch fake"},
		{"images that are cut short", func(f map[string][]byte) {
			f["train-images-idx3-ubyte"] = f["train-images-idx3-ubyte"][:100]
		}, "84 bytes follow"},
		{"a header that is cut short", func(f map[string][]byte) { f["train-images-idx3-ubyte"] = []byte{0, 0, 8} }, "within its header"},
		{"bytes after the values", func(f map[string][]byte) {
			f["train-labels-idx1-ubyte"] = append(f["train-labels-idx1-ubyte"], 0)
		}, "3 bytes follow"},
		{"another magic number", func(f map[string][]byte) { f["train-labels-idx1-ubyte"][2] = 9 }, "begins with"},
		{"labels that are images", func(f map[string][]byte) { f["train-labels-idx1-ubyte"] = f["train-images-idx3-ubyte"] }, "begins with"},
		{"dimensions that overflow", func(f map[string][]byte) {
			f["train-images-idx3-ubyte"] = idx(3, []int{1 << 31, 1 << 31, 28}, nil)
		}, "far larger"},
		{"a label out of range", func(f map[string][]byte) { f["train-labels-idx1-ubyte"] = idx(1, []int{2}, []byte{3, 10}) }, "label 1 is 10"},
		{"as many labels as there are not images", func(f map[string][]byte) {
			f["train-labels-idx1-ubyte"] = idx(1, []int{3}, []byte{1, 2, 3})
		}, "holds values of shape [3]; train-labels-idx1-ubyte of fake has [2]"},
		{"images of another size", func(f map[string][]byte) {
			f["train-images-idx3-ubyte"] = idx(3, []int{2, 27, 28}, make([]byte, 2*27*28))
		}, "holds values of shape [2 27 28]; train-images-idx3-ubyte of fake has [2 28 28]"},
		{"a folder without the test split", func(f map[string][]byte) { delete(f, "t10k-images-idx3-ubyte") }, "lacks t10k-images-idx3-ubyte)"},
		{"an empty file", func(f map[string][]byte) { f["t10k-images-idx3-ubyte"] = nil }, "lacks t10k-images-idx3-ubyte, which is empty)"},
		{"a gzip file that is cut short", func(f map[string][]byte) {
			z := zip(f["train-images-idx3-ubyte"])
			f["train-images-idx3-ubyte"] = z[:len(z)-12]
		}, "truncated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv(DataDirEnv, "")
			files := good()
			tc.change(files)
			for name, data := range files {
				write(t, filepath.Join(dir, name), data)
			}
			_, err := fake(nil).Open(context.Background(), dir, "train", 0)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := Open(context.Background(), Options{Name: "mnits", Split: "train"}); err == nil || !strings.Contains(err.Error(),
		"use one of") {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := Open(context.Background(), Options{Name: "digits", Split: "train",
		Limit: 60001}); err == nil || !strings.Contains(err.Error(), "60000 images") {
		t.Errorf("limit above the size: %v", err)
	}
}

func TestFetchResumesAndVerifies(t *testing.T) {
	files := map[string][]byte{}
	for _, f := range mnist.Files {
		rank, dims := 1, []int{3}
		if strings.Contains(f.Name, "images") {
			rank, dims = 3, []int{3, 28, 28}
		}
		n := 1
		for _, d := range dims {
			n *= d
		}
		files[f.Name] = idx(rank, dims, make([]byte, n))
	}
	var ranges atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimSuffix(filepath.Base(r.URL.Path), ".gz")
		data, ok := files[name]
		switch {
		case strings.HasPrefix(r.URL.Path, "/gone/") || !ok:
			http.NotFound(w, r)
			return
		case strings.HasPrefix(r.URL.Path, "/wrong/"):
			data = append([]byte{}, data...)
			data[len(data)-1] ^= 1
		}
		if r.Header.Get("Range") != "" {
			ranges.Add(1)
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(zip(data)))
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()

	family := func(folders ...string) IDX {
		f := fake(files)
		for _, folder := range folders {
			f.Mirrors = append(f.Mirrors, server.URL+folder)
		}
		return f
	}
	fetch := func(ctx context.Context, f IDX, dir string) error {
		old := sources
		sources = append(slices.Clone(sources), f)
		defer func() { sources = old }()
		_, err := Fetch(ctx, f.ID, dir, nil)
		return err
	}

	t.Run("from the second mirror when the first has it not", func(t *testing.T) {
		dir := t.TempDir()
		if err := fetch(context.Background(), family("/gone/", "/data/"), dir); err != nil {
			t.Fatal(err)
		}
		if l := family().Locate(dir); !l.Present {
			t.Errorf("after the download: %+v", l)
		}
	})
	t.Run("from where it was interrupted", func(t *testing.T) {
		dir := t.TempDir()
		packed := zip(files["train-images-idx3-ubyte"])
		write(t, filepath.Join(dir, "train-images-idx3-ubyte.gz.partial"), packed[:20])
		ranges.Store(0)
		if err := fetch(context.Background(), family("/data/"), dir); err != nil {
			t.Fatal(err)
		}
		if ranges.Load() != 1 {
			t.Errorf("asked for %d ranges, want 1", ranges.Load())
		}
		got, err := os.ReadFile(filepath.Join(dir, "train-images-idx3-ubyte.gz"))
		if err != nil || !bytes.Equal(got, packed) {
			t.Errorf("the resumed file differs (%v)", err)
		}
	})
	t.Run("and refuses another file, leaving nothing", func(t *testing.T) {
		dir := t.TempDir()
		err := fetch(context.Background(), family("/wrong/"), dir)
		if err == nil || !strings.Contains(err.Error(), "not the published file") {
			t.Errorf("error is %v", err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%v was left behind", left)
		}
	})
	t.Run("and stops when told to", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := fetch(ctx, family("/data/"), t.TempDir()); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestLoaderBatchesAreAPureFunctionOfTheStep(t *testing.T) {
	d := tinySet(10)
	for _, drop := range []bool{true, false} {
		l, err := NewLoader(d, LoaderOptions{Seed: 5, BatchSize: 4, Flip: true, DropLast: drop})
		if err != nil {
			t.Fatal(err)
		}
		again, _ := NewLoader(d, LoaderOptions{Seed: 5, BatchSize: 4, Flip: true, DropLast: drop})
		for _, step := range []int{7, 0, 3, 7} {
			a, b := fill(l, step), fill(again, step)
			if !slices.Equal(a.images, b.images) || !slices.Equal(a.labels, b.labels) {
				t.Errorf("drop_last %v, step %d: two loaders disagree", drop, step)
			}
		}
	}
}

func TestLoaderVisitsEveryImageOnceAnEpoch(t *testing.T) {
	l, err := NewLoader(tinySet(10), LoaderOptions{Seed: 1, BatchSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	if l.StepsPerEpoch() != 3 || l.Size(2) != 2 || l.Size(5) != 2 || l.Size(3) != 4 {
		t.Fatalf("%d steps an epoch, the last of %d", l.StepsPerEpoch(), l.Size(2))
	}
	var orders [2][]int32
	for step := range 6 {
		orders[step/3] = append(orders[step/3], fill(l, step).labels...)
	}
	for epoch, order := range orders {
		sorted := slices.Sorted(slices.Values(order))
		if !slices.Equal(sorted, []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
			t.Errorf("epoch %d has labels %v", epoch, order)
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("both epochs have the same order")
	}
}

func TestLoaderFlipsHalfOfTheImages(t *testing.T) {
	d := tinySet(10)
	for i := range d.N {
		d.Images[i*d.Height*d.Width] = 255 // top left
	}
	l, _ := NewLoader(d, LoaderOptions{Seed: 1, BatchSize: 10, Flip: true})
	flipped := 0
	for step := range 100 {
		b := fill(l, step)
		for i := range 10 {
			img := b.images[i*9 : (i+1)*9]
			switch {
			case img[0] == 1 && img[2] == -1:
			case img[0] == -1 && img[2] == 1:
				flipped++
			default:
				t.Fatalf("image is %v", img)
			}
		}
	}
	if flipped < 420 || flipped > 580 {
		t.Errorf("%d of 1000 images are flipped", flipped)
	}
}

func TestPrefetchDeliversInOrderAndEnds(t *testing.T) {
	p := Prefetch(context.Background(), 3, 50, 4, func(step int) (int, error) {
		time.Sleep(time.Duration(step%5) * time.Millisecond)
		if step == 40 {
			return 0, errors.New("forty")
		}
		return step, nil
	})
	for want := 3; want < 40; want++ {
		if got, _, err := p.Next(); got != want || err != nil {
			t.Fatalf("got %d, %v, want %d", got, err, want)
		}
	}
	if _, _, err := p.Next(); err == nil || err.Error() != "forty" {
		t.Errorf("error is %v", err)
	}
	p.Close()

	short := Prefetch(context.Background(), 0, 1, 4, func(step int) (int, error) { return step, nil })
	if _, _, err := short.Next(); err != nil {
		t.Error(err)
	}
	if _, _, err := short.Next(); err != io.EOF {
		t.Errorf("after the last value: %v", err)
	}
	short.Close()
}

func FuzzParseIDX(f *testing.F) {
	f.Add(idx(3, []int{1, 2, 2}, make([]byte, 4)), 3)
	f.Add(idx(1, []int{3}, []byte{1, 2, 3}), 1)
	f.Fuzz(func(t *testing.T, data []byte, rank int) {
		if rank < 1 || rank > 4 {
			return
		}
		dims, values, err := parseIDX(data, rank)
		if err != nil {
			return
		}
		n := 1
		for _, d := range dims {
			n *= d
		}
		if n != len(values) {
			t.Errorf("dims %v with %d values", dims, len(values))
		}
	})
}

type filled struct {
	images []float32
	labels []int32
}

func fill(l *Loader, step int) filled {
	n := l.Size(step)
	f := filled{make([]float32, n*l.data.Height*l.data.Width), make([]int32, n)}
	l.Fill(step, f.images, f.labels)
	return f
}

func tinySet(n int) *Dataset {
	d := &Dataset{Name: "tiny", N: n, Spec: Spec{Height: 3, Width: 3, Channels: 1, Classes: 10}, Images: make([]uint8, n*9)}
	for i := range n {
		d.Labels = append(d.Labels, uint8(i))
	}
	return d
}

// fake is a family whose published hashes are those of the given files.
func fake(files map[string][]byte) IDX {
	f := IDX{ID: "fake", Shape: Spec{Height: 28, Width: 28, Channels: 1, Classes: 10, Train: 2, Test: 1}}
	for i, file := range mnist.Files {
		f.Files[i] = IDXFile{Name: file.Name}
		if data, ok := files[file.Name]; ok {
			f.Files[i].SHA256 = hashesOf(data).sha256
		}
	}
	return f
}

func idx(rank int, dims []int, values []byte) []byte {
	out := []byte{0, 0, 8, byte(rank)}
	for _, d := range dims {
		out = binary.BigEndian.AppendUint32(out, uint32(d))
	}
	return append(out, values...)
}

func zip(data []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(data)
	_ = z.Close()
	return buf.Bytes()
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestImagesOfThreeChannelsAreReadAndMirrored(t *testing.T) {
	set := fake(nil)
	set.Shape = Spec{Height: 1, Width: 2, Channels: 3, Classes: 2, Train: 2, Test: 1}
	old := sources
	sources = append(slices.Clone(sources), set)
	defer func() { sources = old }()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"train-images-idx3-ubyte": idx(4, []int{2, 1, 2, 3}, []byte{0, 51, 102, 153, 204, 255, 255, 255, 255, 0, 0, 0}),
		"train-labels-idx1-ubyte": idx(1, []int{2}, []byte{0, 1}),
		"t10k-images-idx3-ubyte":  idx(4, []int{1, 1, 2, 3}, make([]byte, 6)),
		"t10k-labels-idx1-ubyte":  idx(1, []int{1}, []byte{1}),
	} {
		write(t, filepath.Join(dir, name), data)
	}
	d, err := Open(context.Background(), Options{Name: "fake", Dir: dir, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, d.Pixels())
	for mirrored, want := range map[bool][]float32{
		false: {-1, -0.6, -0.2, 0.2, 0.6, 1},
		true:  {0.2, 0.6, 1, -1, -0.6, -0.2},
	} {
		d.Image(0, mirrored, got)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-6 {
				t.Errorf("mirrored %v: %v, want %v", mirrored, got, want)
				break
			}
		}
	}
	if few, err := Open(context.Background(), Options{Name: "fake", Dir: dir, Split: "train", Limit: 1}); err != nil || len(few.Images) != 6 {
		t.Errorf("the first image: %v, %+v", err, few)
	}
}
