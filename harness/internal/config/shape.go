package config

import (
	"flowharness/harness/internal/dataset"
	"flowharness/models"
	"flowharness/models/safetensors"
)

// Spec is the shape of the images of a config that has passed validation, so that
// its dataset is known.
func (c Config) Spec() dataset.Spec {
	if !c.Data.Found.IsZero() {
		return c.Data.Found.Spec()
	}
	spec, _ := dataset.SpecOf(c.Data.Name)
	return spec
}

// StepsPerEpoch is how many updates a pass over the training images has; 0 where
// they do not make a batch.
func (c Config) StepsPerEpoch() int {
	return dataset.StepsPerEpoch(c.trainImages(), c.Train.BatchSize, c.Data.DropLast)
}

// Steps is how many updates the run is to have, whether they are given as such or
// as epochs.
func (c Config) Steps() int {
	if c.Train.Steps > 0 {
		return c.Train.Steps
	}
	return c.Train.Epochs * c.StepsPerEpoch()
}

// trainImages is the number of images that are trained on.
func (c Config) trainImages() int {
	n := c.Spec().Train
	if c.Data.Limit > 0 {
		n = min(n, c.Data.Limit)
	}
	return n
}

// setDataDefaults fills what follows from the data.
func (c *Config) setDataDefaults(isSet func(key string) bool) {
	spec := c.Spec()
	if spec.Train == 0 { // no such dataset, or one that cannot be read
		return
	}
	for _, d := range []struct {
		key   string
		field *int
		value int
	}{
		{"metrics.validation_images", &c.Metrics.ValidationImages, min(c.Metrics.ValidationImages, spec.Test)},
		{"metrics.images", &c.Metrics.Images, max(minMeasured, min(c.Metrics.Images, spec.Train))},
	} {
		if !isSet(d.key) {
			*d.field = d.value
		}
	}
	c.Model.SetDefaults(c.modelData())
}

// modelData is what the network is told of the data.
func (c Config) modelData() models.Data {
	spec := c.Spec()
	return models.Data{Name: c.Data.Name, Height: spec.Height, Width: spec.Width, Channels: spec.Channels, Classes: spec.Classes,
		Points: spec.Points}
}

// Network builds the network of a config that has passed validation, in the precision
// that its backend is to compute in.
func (c Config) Network() (models.Network, error) {
	return models.New(c.Model, c.modelData(), c.Backend.Precision)
}

// Columns of a grid: of images without classes, and at most.
const (
	unlabelledColumns = 8
	maxColumns        = 30
)

// GridColumns is how many images of a grid stand side by side: no class and every class, or the first ones of very many; of
// images without classes a few.
func (c Config) GridColumns() int {
	if c.Spec().Classes == 0 {
		return unlabelledColumns
	}
	return min(c.Spec().Classes+1, maxColumns)
}

// Diffusers writes the network with the state dict of its weights as a model of diffusers; ok is false if it has none.
func (c Config) Diffusers(dict map[string]safetensors.Tensor) (model models.DiffusersModel, ok bool) {
	return c.Model.Diffusers(c.modelData(), dict)
}

// minMeasured is the least that metrics.images may be.
const minMeasured = 100
