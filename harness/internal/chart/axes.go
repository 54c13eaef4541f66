package chart

// Axes says where values lie in a chart's picture, for a script that shows them
// under the pointer.
type Axes struct {
	X Axis `json:"x"`
	Y Axis `json:"y"`
}

// Axis maps values to the pixels of the picture's view box: From lies at the pixel
// Start, To at End. On a logarithmic axis From and To are powers of ten.
type Axis struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Log   bool    `json:"log"`
}

// Axes of a chart as [Chart.SVG] draws it; zero if there is nothing to draw.
func (c Chart) Axes() Axes {
	x, y, ok := c.axes()
	if !ok {
		return Axes{}
	}
	return Axes{x.public(), y.public()}
}

func (a axis) public() Axis {
	return Axis{From: a.from, To: a.to, Start: a.start, End: a.start + a.pixels, Log: a.log}
}
