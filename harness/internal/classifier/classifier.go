// Package classifier trains, keeps and runs the harness's own classifiers, one
// for each dataset and flip setting. Those of mnist and digits are shipped.
package classifier

import (
	"github.com/gomlx/compute"

	"flowharness/harness/internal/backend"
	"flowharness/metrics/classifier"
)

// NumFeatures is the number of values in an image's feature vector.
const NumFeatures = classifier.NumFeatures

// Classifier reads images on a device.
type Classifier struct {
	Weights *Weights
	reader  *classifier.Reader
}

// New puts a classifier on a device.
func New(b compute.Backend, w *Weights) (*Classifier, error) {
	c := &Classifier{Weights: w}
	err := backend.Catch(func() (err error) {
		c.reader, err = classifier.NewReader(b, w.shape, w.flat)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Run reads n images [n, H, W, C] in [-1, 1], as a sampler draws them: the class
// of each, 0 … Classes-1, and the features [n, NumFeatures], row-major. What is outside
// of [-1, 1] is clipped, as in the picture that people look at. Images go
// through in batches of one size, so that one program is compiled. What is read
// in an image depends neither on the others nor on how many there are.
func (c *Classifier) Run(images []float32, n int) (predicted []uint8, features []float32, err error) {
	err = backend.Catch(func() (err error) {
		predicted, features, err = c.reader.Run(images, n)
		return err
	})
	return predicted, features, err
}

// Finalize frees what the classifier holds on the device.
func (c *Classifier) Finalize() { c.reader.Finalize() }
