package classifier

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/adrg/xdg"

	"flowharness/harness/internal/dataset"
	"flowharness/metrics/classifier"
	"flowharness/models/safetensors"
)

// DirEnv names the folder of the user's own classifiers, instead of
// harness/classifiers in the user's cache folder.
const DirEnv = "HARNESS_CLASSIFIER_DIR"

// shipped holds the classifiers that come with the program.
//
//go:embed weights
var shipped embed.FS

// Weights are a trained classifier's parameters and what is known of them.
type Weights struct {
	Dataset string
	Flip    bool // it was trained on images of which half were mirrored

	// SHA256 of the file is the classifier's identity: values of metrics are
	// comparable only where it is equal.
	SHA256 string
	// Source is "shipped", or the path of the file.
	Source string

	Accuracy         float64 // on the dataset's test split, 0 … 1
	MirroredAccuracy float64 // on its mirror images, with Flip; else 0
	Epochs           int
	Seed             uint64
	Fingerprint      string // of the training images

	shape classifier.Shape
	flat  []float32
	file  []byte
}

// NotFoundError says that there is no classifier for a dataset, and what to type.
type NotFoundError struct {
	Dataset string
	Flip    bool
	Looked  string // the file that was looked for
}

func (e *NotFoundError) Error() string {
	kind, flag := "", ""
	if e.Flip {
		kind, flag = " that knows mirrored images (flip: true)", " --flip"
	}
	return fmt.Sprintf("there is no classifier for dataset %s%s: none is shipped, and there is no %s\nto train it, type: harness metrics "+
		"fit %s%s",
		e.Dataset, kind, e.Looked, e.Dataset, flag)
}

// Load returns the classifier of a dataset and its flip setting: the shipped
// one, else the user's own. Where there is none the error is a [*NotFoundError].
//
// A shipped classifier comes first, so that the metrics of all users' runs on
// its dataset are comparable.
func Load(name string, flip bool) (*Weights, error) {
	if !slices.Contains(dataset.Names(), name) {
		_, err := dataset.Locate(name, "")
		return nil, err
	}
	file, err := shipped.ReadFile(path.Join("weights", fileName(name, flip)))
	source := Shipped
	if errors.Is(err, fs.ErrNotExist) {
		source = Path(name, flip)
		file, err = os.ReadFile(source)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{Dataset: name, Flip: flip, Looked: source}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the classifier for dataset %s: %w", name, err)
	}
	w, err := decode(file)
	if err == nil && (w.Dataset != name || w.Flip != flip) {
		err = fmt.Errorf("it was trained for dataset %s, flip %t", w.Dataset, w.Flip)
	}
	if err != nil {
		return nil, fmt.Errorf("the classifier for dataset %s, flip %t (%s): %w", name, flip, source, err)
	}
	w.Source = source
	return w, nil
}

// Shipped is the Source of classifiers that come with the program.
const Shipped = "shipped"

// IsShipped tells whether a classifier comes with the program.
func IsShipped(name string, flip bool) bool {
	_, err := fs.Stat(shipped, path.Join("weights", fileName(name, flip)))
	return err == nil
}

// Available lists the classifiers that can be loaded, for each dataset without
// and with flip. problems are of those that are there and cannot.
func Available() (found []*Weights, problems []error) {
	for _, name := range dataset.Names() {
		for _, flip := range []bool{false, true} {
			w, err := Load(name, flip)
			var missing *NotFoundError
			switch {
			case err == nil:
				found = append(found, w)
			case !errors.As(err, &missing):
				problems = append(problems, err)
			}
		}
	}
	return found, problems
}

// Path is where the user's own classifier of a dataset lies.
func Path(name string, flip bool) string {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		dir = filepath.Join(xdg.CacheHome, "harness", "classifiers")
	}
	return filepath.Join(dir, fileName(name, flip))
}

func fileName(name string, flip bool) string {
	if flip {
		name += "_flip"
	}
	return name + ".safetensors"
}

// File is the content of the classifier's file.
func (w *Weights) File() []byte { return w.file }

// Keys of the file's metadata.
const (
	metaDataset     = "dataset"
	metaFlip        = "flip"
	metaAccuracy    = "test_accuracy"
	metaMirrored    = "test_accuracy_mirrored"
	metaEpochs      = "epochs"
	metaSeed        = "seed"
	metaFingerprint = "train_fingerprint"
)

// seal writes the file in memory and takes its hash.
func (w *Weights) seal() error {
	dict := map[string]safetensors.Tensor{}
	for _, p := range w.shape.Params() {
		dict[p.Name] = safetensors.Tensor{Shape: p.Shape, Data: w.flat[p.Offset : p.Offset+p.Size()]}
	}
	meta := map[string]string{
		metaDataset:     w.Dataset,
		metaFlip:        strconv.FormatBool(w.Flip),
		metaAccuracy:    strconv.FormatFloat(w.Accuracy, 'f', -1, 64),
		metaEpochs:      strconv.Itoa(w.Epochs),
		metaSeed:        strconv.FormatUint(w.Seed, 10),
		metaFingerprint: w.Fingerprint,
	}
	if w.Flip {
		meta[metaMirrored] = strconv.FormatFloat(w.MirroredAccuracy, 'f', -1, 64)
	}
	var file bytes.Buffer
	if err := safetensors.EncodeAs(&file, safetensors.F16, dict, meta); err != nil {
		return err
	}
	w.file, w.SHA256 = file.Bytes(), hash(file.Bytes())
	return nil
}

func hash(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// decode reads a file's content.
func decode(file []byte) (*Weights, error) {
	dict, meta, err := safetensors.Decode(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	spec, err := dataset.SpecOf(meta[metaDataset])
	if err != nil {
		return nil, fmt.Errorf("whose it is cannot be told: %w", err)
	}
	w := &Weights{Dataset: meta[metaDataset], SHA256: hash(file), Fingerprint: meta[metaFingerprint], shape: shapeOf(spec), file: file}
	w.flat = make([]float32, w.shape.Size())
	params := w.shape.Params()
	for _, p := range params {
		t, ok := dict[p.Name]
		if !ok || !slices.Equal(t.Shape, p.Shape) {
			return nil, fmt.Errorf("it is no classifier of this version: parameter %s has shape %v, wanted %v; train it again", p.Name,
				t.Shape, p.Shape)
		}
		copy(w.flat[p.Offset:], t.Data)
	}
	if len(dict) != len(params) {
		return nil, fmt.Errorf("it is no classifier of this version: it has %d tensors, wanted %d; train it again", len(dict), len(params))
	}
	if err := w.shape.CheckWeights(w.flat); err != nil {
		return nil, err
	}
	var errFlip, errAccuracy, errMirrored, errEpochs, errSeed error
	w.Flip, errFlip = strconv.ParseBool(meta[metaFlip])
	w.Accuracy, errAccuracy = strconv.ParseFloat(meta[metaAccuracy], 64)
	if w.Flip {
		w.MirroredAccuracy, errMirrored = strconv.ParseFloat(meta[metaMirrored], 64)
	}
	w.Epochs, errEpochs = strconv.Atoi(meta[metaEpochs])
	w.Seed, errSeed = strconv.ParseUint(meta[metaSeed], 10, 64)
	if err := errors.Join(errFlip, errAccuracy, errMirrored, errEpochs, errSeed); err != nil {
		return nil, fmt.Errorf("its metadata is incomplete; train it again:\n%w", err)
	}
	return w, nil
}
