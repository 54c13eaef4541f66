package chart

import (
	"fmt"
	"html"
	"strings"
)

// style is what a page that holds a chart would say of its parts.
const style = `<style>text{font-family:sans-serif;fill:#333}.grid{stroke:#e8ebee}.tick{font-size:11px}.axis,.key{font-size:12px}` +
	`.line{fill:none;stroke-width:2.2;stroke-linejoin:round}.thin{stroke-width:1.3;opacity:.8}.dashed{stroke-dasharray:6 ` +
	`4}.band{opacity:.22}.ring{fill:none;stroke-width:1.6}</style>`

// File is the chart as a file of its own: with its styles, a white background and
// a legend in its upper left corner. "" if there is nothing to draw.
func (c Chart) File() string {
	svg := c.SVG()
	if svg == "" {
		return ""
	}
	head, body, _ := strings.Cut(svg, ">")
	var legend strings.Builder
	for i, l := range c.Lines {
		y := top + 16 + 18*i
		fmt.Fprintf(&legend, `<path class="line" d="M%d %dh20" stroke="%s"/><text class="key" x="%d" y="%d">%s</text>`,
			left+12, y, Color(l.Color), left+38, y+4, html.EscapeString(l.Label))
	}
	return head + ">" + style + `<rect width="100%" height="100%" fill="#fff"/>` + strings.TrimSuffix(body, "</svg>") + legend.String() +
		"</svg>\n"
}
