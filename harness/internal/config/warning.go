package config

import "fmt"

// EnoughImages is how many images a measurement of samples should have. With
// fewer, what depends on their number says little: of 200 images of pure noise
// three quarters count as realistic (precision 0.76 against MNIST), of 1,000
// 0.04.
const EnoughImages = 1000

// FewImages says what is wrong with measuring so few images; "" if nothing is.
func FewImages(images int) string {
	if images >= EnoughImages {
		return ""
	}
	return fmt.Sprintf("%d images are few to measure: the Fréchet distance, precision, recall, density and coverage depend on their number "+
		"(of 200 images of pure noise precision is 0.76); %d or more are better", images, EnoughImages)
}

func (v *validator) measuring() {
	if few := FewImages(v.config.Metrics.Images); few != "" {
		v.warn("metrics.images", few)
	}
}

// warn adds what a reader should know of a key's valid value.
func (v *validator) warn(key, message string) {
	at, _ := v.placeOf(key)
	v.warnings = append(v.warnings, Problem{Place: at, Key: key, Message: message})
}
