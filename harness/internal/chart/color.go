package chart

import (
	"fmt"
	"math"
)

// Scale is the colour of a value from 0 to 1: from dark violet over blue and
// green to light yellow. Its lightness grows evenly, so that equal steps look
// equal, and order is kept for colour-blind readers and in grey. It is computed
// in Ottosson's Oklab (2020) between the anchors below. ink is black or white,
// whichever can be read on it.
func Scale(v float64) (fill, ink string) {
	v = min(max(v, 0), 1)
	at := v * float64(len(anchors)-1)
	i := min(int(at), len(anchors)-2)
	a, b, part := anchors[i], anchors[i+1], at-float64(i)
	mix := func(x, y float64) float64 { return x + part*(y-x) }
	lightness, chroma, hue := darkest+v*(lightest-darkest), mix(a.chroma, b.chroma), mix(a.hue, b.hue)*math.Pi/180
	red, green, blue := linear(lightness, chroma*math.Cos(hue), chroma*math.Sin(hue))
	ink = "#ffffff"
	// Of black and white the one of more contrast, by WCAG's relative luminance.
	if luminance := 0.2126*red + 0.7152*green + 0.0722*blue; luminance > 0.179 {
		ink = "#000000"
	}
	return fmt.Sprintf("#%02x%02x%02x", encoded(red), encoded(green), encoded(blue)), ink
}

// The scale's lightness in Oklab at both ends, and evenly spaced anchors of its
// chroma and of its hue in degrees.
const darkest, lightest = 0.30, 0.92

var anchors = []struct{ chroma, hue float64 }{{0.12, 300}, {0.10, 255}, {0.085, 205}, {0.13, 155}, {0.16, 105}}

// linear turns Oklab into linear sRGB, cut to what a screen can show.
func linear(lightness, a, b float64) (red, green, blue float64) {
	cube := func(x float64) float64 { return x * x * x }
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	cut := func(x float64) float64 { return min(max(x, 0), 1) }
	return cut(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		cut(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		cut(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)
}

// encoded is a linear value as a byte of sRGB (IEC 61966-2-1).
func encoded(v float64) uint8 {
	if v <= 0.0031308 {
		return uint8(math.Round(255 * 12.92 * v))
	}
	return uint8(math.Round(255 * (1.055*math.Pow(v, 1/2.4) - 0.055)))
}
