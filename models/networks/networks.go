// Package networks is the list of networks: who imports it can build them by name.
package networks

import (
	"flowharness/models"
	"flowharness/models/dit"
	"flowharness/models/mlp"
	"flowharness/models/unet"
)

// In the order names are shown; the first is what a config means that names none.
func init() {
	models.Register(unet.Registration)
	models.Register(mlp.Registration)
	models.Register(dit.Registration)
}
