package nn

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
)

// Wide is x in float32. Where it is float32 already it is x itself, so that a float32
// network's graph has no conversions.
func Wide(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// Narrow is x in the type of another node, likewise.
func Narrow(x, like *Node) *Node { return ConvertDType(x, like.DType()) }
