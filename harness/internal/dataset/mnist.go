package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// DataDirEnv names the folder to look for datasets in after data.dir.
const DataDirEnv = "HARNESS_DATA_DIR"

// idxFamily is a dataset published as four IDX files in MNIST's form: 28×28
// grey images of ten classes.
type idxFamily struct {
	id      string
	mirrors []string // folders of public web servers that hold the .gz files
	files   [4]idxFile
}

// idxFile is one of the four. Published hashes are of the decompressed bytes
// (SHA-256), or, where the publishers give only that, of the .gz file (MD5):
// then a download is checked with it, and what was downloaded is remembered.
type idxFile struct {
	name   string // without .gz
	sha256 string
	md5gz  string
}

const numIDXClasses = 10

var mnist = idxFamily{
	id: "mnist",
	mirrors: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
	},
	files: [4]idxFile{
		{name: "train-images-idx3-ubyte", sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{name: "train-labels-idx1-ubyte", sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		{name: "t10k-images-idx3-ubyte", sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		{name: "t10k-labels-idx1-ubyte", sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	},
}

var fashionMNIST = idxFamily{
	id:      "fashion_mnist",
	mirrors: []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
	files: [4]idxFile{
		{name: "train-images-idx3-ubyte", md5gz: "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
		{name: "train-labels-idx1-ubyte", md5gz: "25c81989df183df01b3e8a0aad5dffbe"},
		{name: "t10k-images-idx3-ubyte", md5gz: "bef4ecab320f06d8554ea6380940ec79"},
		{name: "t10k-labels-idx1-ubyte", md5gz: "bb300cfdad3c16e7a12a480ee83cd310"},
	},
}

var kmnist = idxFamily{
	id:      "kmnist",
	mirrors: []string{"http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
	files: [4]idxFile{
		{name: "train-images-idx3-ubyte", md5gz: "bdb82020997e1d708af4cf47b453dcf7"},
		{name: "train-labels-idx1-ubyte", md5gz: "e144d726b3acfaa3e44228e80efcd344"},
		{name: "t10k-images-idx3-ubyte", md5gz: "5c965bf0a639b31b8f53240b1b52f4d7"},
		{name: "t10k-labels-idx1-ubyte", md5gz: "7320c461ea6c1c855c0b718fb2a4b134"},
	},
}

func (f idxFamily) name() string { return f.id }

// split returns the images' and the labels' file of a split.
func (f idxFamily) split(split string) (images, labels idxFile) {
	if split == "test" {
		return f.files[2], f.files[3]
	}
	return f.files[0], f.files[1]
}

func (f idxFamily) open(_ context.Context, dir, split string, limit int) (*Dataset, error) {
	images, labels := f.split(split)
	place, looked := f.find(dir, images, labels)
	if place == "" {
		return nil, f.missing(looked, images, labels)
	}
	pixels, dims, err := readIDX(place, images, 3)
	if err != nil {
		return nil, err
	}
	classes, counts, err := readIDX(place, labels, 1)
	if err != nil {
		return nil, err
	}
	if counts[0] != dims[0] {
		return nil, fmt.Errorf("%s in %s holds %d images, %s holds %d labels", images.name, place, dims[0], labels.name, counts[0])
	}
	for i, c := range classes {
		if c >= numIDXClasses {
			return nil, fmt.Errorf("%s: label %d is %d; labels go from 0 to %d", filepath.Join(place, labels.name), i, c, numIDXClasses-1)
		}
	}
	d := &Dataset{Split: split, Images: pixels, Labels: classes, N: dims[0], Height: dims[1], Width: dims[2], NumClasses: numIDXClasses}
	return d, d.truncate(limit)
}

func (f idxFamily) locate(dir string) Location {
	place, looked := f.find(dir, f.files[:]...)
	l := Location{Present: place != "", Dir: place, Looked: looked}
	if place == "" {
		l.Problem = f.missing(looked, f.files[:]...).Error()
		return l
	}
	for _, file := range f.files {
		path, _ := existing(place, file)
		data, err := readVerified(place, file)
		sum := sha256.Sum256(data)
		l.Files = append(l.Files, File{Path: path, SHA256: hex.EncodeToString(sum[:]), OK: err == nil})
		if err != nil && l.Problem == "" {
			l.Present, l.Problem = false, err.Error()
		}
	}
	return l
}

// find returns the first folder that holds all the files.
func (f idxFamily) find(dir string, files ...idxFile) (place string, looked []string) {
	for _, base := range []string{dir, os.Getenv(DataDirEnv)} {
		if base != "" {
			looked = append(looked, base, filepath.Join(base, f.id))
		}
	}
	looked = append(looked, f.cacheDir())
	for _, p := range looked {
		found := true
		for _, file := range files {
			if _, ok := existing(p, file); !ok {
				found = false
			}
		}
		if found {
			return p, looked
		}
	}
	return "", looked
}

func (f idxFamily) cacheDir() string { return filepath.Join(xdg.CacheHome, "harness", "data", f.id) }

func (f idxFamily) missing(looked []string, files ...idxFile) error {
	var names []string
	for _, file := range files {
		names = append(names, file.name+"[.gz]")
	}
	return fmt.Errorf("its files are nowhere to be found (%s); looked in\n  %s\nto download them, type: harness data fetch %s\nor name the folder that holds them with data.dir or $%s",
		strings.Join(names, ", "), strings.Join(looked, "\n  "), f.id, DataDirEnv)
}

// existing returns the path of a file in a folder, plain or gzipped.
func existing(dir string, file idxFile) (string, bool) {
	for _, path := range []string{filepath.Join(dir, file.name), filepath.Join(dir, file.name+".gz")} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	return "", false
}

func readIDX(dir string, file idxFile, rank int) (values []byte, dims []int, err error) {
	data, err := readVerified(dir, file)
	if err != nil {
		return nil, nil, err
	}
	if dims, values, err = parseIDX(data, rank); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, file.name), err)
	}
	return values, dims, nil
}

// readVerified returns the decompressed bytes of a file whose hash is the
// expected one.
func readVerified(dir string, file idxFile) ([]byte, error) {
	path, ok := existing(dir, file)
	if !ok {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, file.name), fs.ErrNotExist)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := decompress(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; fetch it again", path, err)
	}
	sum := sha256.Sum256(data)
	got, want := hex.EncodeToString(sum[:]), file.sha256
	if want == "" {
		want, err = rememberedHash(dir, file)
		if errors.Is(err, fs.ErrNotExist) {
			return data, nil // never downloaded by us: nothing to compare with
		}
		if err != nil {
			return nil, err
		}
	}
	if got != want {
		return nil, fmt.Errorf("%s is not the published file: the SHA-256 of its decompressed bytes is %s, expected %s; fetch it again", path, got, want)
	}
	return data, nil
}

// rememberedHash is the SHA-256 of what was downloaded and had the published
// MD5; see fetch.
func rememberedHash(dir string, file idxFile) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, file.name+".sha256"))
	return strings.TrimSpace(string(b)), err
}
