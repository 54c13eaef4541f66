package unet_test

import (
	"flowharness/models"
	"flowharness/models/unet"
)

var mnist = models.Data{Name: "mnist", Height: 28, Width: 28, Channels: 1, Classes: 10}

// defaults are the options of a UNet for MNIST.
func defaults() unet.Options { return complete(unet.Defaults()) }

func complete(o unet.Options) unet.Options {
	unet.Registration.SetDefaults(&o, mnist)
	return o
}

// small is a network of two levels for images of 8×8.
func small(p models.Precision) *unet.UNet2D {
	o := unet.Defaults()
	o.SampleSize, o.BlockOutChannels, o.LayersPerBlock, o.NormNumGroups, o.AttentionHeadDim = 8, []int{8, 16}, 1, 4, 4
	return unet.New(complete(o), p)
}
