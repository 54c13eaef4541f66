package dataset

import (
	"context"
	"crypto/sha256"
	"math"
)

// Info describes the images of a dataset.
type Info struct {
	Name       string   `json:"dataset"`
	Height     int      `json:"height"`
	Width      int      `json:"width"`
	Channels   int      `json:"channels"`
	Classes    int      `json:"classes"`
	ClassNames []string `json:"class_names,omitempty"`
	Dir        string   `json:"dir,omitempty"`

	Train SplitInfo `json:"train"`
	Test  SplitInfo `json:"test"`
	// Shared is how many test images are in the training split, too.
	Shared int `json:"test_images_in_train"`
}

// SplitInfo describes the images of a split.
type SplitInfo struct {
	Images   int    `json:"images"`
	PerClass []int  `json:"per_class,omitempty"`
	SHA256   string `json:"sha256"`
	// Mean and Deviation of each channel, of values from 0 to 1; nil without images.
	Mean      []float64 `json:"mean"`
	Deviation []float64 `json:"std"`
	Repeated  int       `json:"duplicates"` // images that equal an earlier one
}

// Describe looks at all images of both splits.
func Describe(ctx context.Context, train, test *Dataset) (*Info, error) {
	info := &Info{Name: train.Name, Height: train.Height, Width: train.Width, Channels: train.Channels, Classes: train.Classes,
		ClassNames: train.ClassNames, Dir: train.Dir}
	trained := map[[sha256.Size]byte]bool{}
	var err error
	if info.Train, err = describeSplit(ctx, train, trained, nil); err != nil {
		return nil, err
	}
	info.Test, err = describeSplit(ctx, test, map[[sha256.Size]byte]bool{}, func(image [sha256.Size]byte) {
		if trained[image] {
			info.Shared++
		}
	})
	return info, err
}

// describeSplit adds the hashes of images to seen, and calls each with that of every one.
func describeSplit(ctx context.Context, d *Dataset, seen map[[sha256.Size]byte]bool, each func([sha256.Size]byte)) (SplitInfo, error) {
	s := SplitInfo{Images: d.N, SHA256: d.Fingerprint, PerClass: make([]int, d.Classes)}
	counts := make([][256]int, d.Channels)
	for i := range d.N {
		if i%1024 == 0 && ctx.Err() != nil {
			return s, ctx.Err()
		}
		image := d.Images[i*d.Pixels() : (i+1)*d.Pixels()]
		hash := sha256.Sum256(image)
		if seen[hash] {
			s.Repeated++
		}
		seen[hash] = true
		if each != nil {
			each(hash)
		}
		for j, v := range image {
			counts[j%d.Channels][v]++
		}
		if d.Classes > 0 {
			s.PerClass[d.Labels[i]]++
		}
	}
	if d.N == 0 {
		return s, nil
	}
	for c := range counts {
		var sum, squares float64
		for v, n := range counts[c] {
			x := float64(v) / 255
			sum += x * float64(n)
			squares += x * x * float64(n)
		}
		n := float64(d.N * d.Height * d.Width)
		s.Mean = append(s.Mean, sum/n)
		s.Deviation = append(s.Deviation, math.Sqrt(max(0, squares/n-sum/n*sum/n)))
	}
	return s, nil
}
