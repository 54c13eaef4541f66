// Package nn holds what networks are made of: layers as pure functions of their
// parameters, with the names, layouts and initial values of PyTorch's and diffusers',
// and the place of each parameter in one flat vector.
package nn
