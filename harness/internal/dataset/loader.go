package dataset

import (
	"fmt"
	"sync"

	"flowharness/harness/internal/random"
)

// LoaderOptions say how batches are made.
type LoaderOptions struct {
	Seed      uint64
	BatchSize int
	Flip      bool // mirror each image left to right with probability 0.5
	// CropPadding surrounds each image by so many pixels of value 0 and cuts a random
	// part of its size out.
	CropPadding int
	DropLast    bool // leave out an epoch's last, smaller batch
}

// Loader hands out the batches of a dataset: shuffled anew every epoch,
// flipped if asked for, scaled to [-1, 1]; of endless data, new samples for each. Every batch is a pure function of
// (seed, step); a Loader may be used by several goroutines.
type Loader struct {
	data *Dataset
	LoaderOptions

	mu    sync.Mutex
	perms map[int][]int // of the epochs in use
}

// NewLoader checks that the dataset holds a batch.
func NewLoader(d *Dataset, o LoaderOptions) (*Loader, error) {
	switch {
	case o.BatchSize < 1:
		return nil, fmt.Errorf("the batch size must be at least 1, is %d", o.BatchSize)
	case d.N == 0:
		return nil, fmt.Errorf("dataset %s has no images", d.Name)
	case o.DropLast && d.N < o.BatchSize:
		return nil, fmt.Errorf("a batch of %d is more than the %d images of dataset %s: lower train.batch_size, raise data.limit or set "+
			"data.drop_last: false",
			o.BatchSize, d.N, d.Name)
	}
	return &Loader{data: d, LoaderOptions: o, perms: map[int][]int{}}, nil
}

// StepsPerEpoch is the number of batches in an epoch.
func (l *Loader) StepsPerEpoch() int { return StepsPerEpoch(l.data.N, l.BatchSize, l.DropLast) }

// StepsPerEpoch is the number of batches in a pass over so many images; dropLast leaves out the last one if it is not full.
// It is 0 if the images do not make a batch, or there is no batch size.
func StepsPerEpoch(images, batchSize int, dropLast bool) int {
	if images <= 0 || batchSize <= 0 {
		return 0
	}
	if !dropLast {
		images += batchSize - 1
	}
	return images / batchSize
}

// Size is the number of images in the batch of a step, counted from 0.
func (l *Loader) Size(step int) int {
	from := step % l.StepsPerEpoch() * l.BatchSize
	return min(l.BatchSize, l.data.N-from)
}

// Fill writes the batch of a step, counted from 0: images [Size, H, W, C] in
// [-1, 1], and labels [Size] as class+1, since 0 stands for "no class".
func (l *Loader) Fill(step int, images []float32, labels []int32) {
	if l.data.endless != nil {
		l.draw(step, images, labels)
		return
	}
	epoch, from := step/l.StepsPerEpoch(), step%l.StepsPerEpoch()*l.BatchSize
	perm := l.permutation(epoch)
	flip := random.New(l.Seed, "data/flip", uint64(step))
	crop := random.New(l.Seed, "data/crop", uint64(step))
	pixels := l.data.Pixels()
	uncropped := make([]float32, pixels)
	for i := range l.Size(step) {
		index := perm[from+i]
		mirrored := l.Flip && flip.Uint64()&1 == 1
		image := images[i*pixels : (i+1)*pixels]
		if p := l.CropPadding; p > 0 {
			l.data.Image(index, mirrored, uncropped)
			cropTo(image, uncropped, l.data.Spec, crop.IntN(2*p+1)-p, crop.IntN(2*p+1)-p)
		} else {
			l.data.Image(index, mirrored, image)
		}
		labels[i] = l.label(int(l.data.Labels[index]))
	}
}

// cropTo copies the part of an image that begins at row top and column left, which
// may lie outside of it: there, it is -1.
func cropTo(dst, src []float32, shape Spec, top, left int) {
	row := shape.Width * shape.Channels
	for y := range shape.Height {
		line := dst[y*row : (y+1)*row]
		for i := range line {
			line[i] = -1
		}
		if y+top < 0 || y+top >= shape.Height || left <= -shape.Width || left >= shape.Width {
			continue
		}
		from := src[(y+top)*row : (y+top+1)*row]
		if left >= 0 {
			copy(line, from[left*shape.Channels:])
		} else {
			copy(line[-left*shape.Channels:], from)
		}
	}
}

// draw is Fill for endless data.
func (l *Loader) draw(step int, values []float32, labels []int32) {
	rng, n := random.New(l.Seed, "data/points", uint64(step)), l.data.Pixels()
	for i := range l.Size(step) {
		labels[i] = l.label(l.data.endless.Draw(rng, values[i*n:(i+1)*n]))
	}
}

// label is a class as a model is told it.
func (l *Loader) label(class int) int32 {
	if l.data.Classes == 0 {
		return 0
	}
	return int32(class) + 1
}

// permutation is the order of the images in an epoch. Prefetching touches two
// epochs at a time, so few are kept.
func (l *Loader) permutation(epoch int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.perms[epoch]; ok {
		return p
	}
	for e := range l.perms {
		if e < epoch-1 || e > epoch+1 {
			delete(l.perms, e)
		}
	}
	l.perms[epoch] = random.New(l.Seed, "data/shuffle", uint64(epoch)).Perm(l.data.N)
	return l.perms[epoch]
}
