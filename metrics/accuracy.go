package metrics

import (
	"fmt"
	"math"
	"strconv"
)

// AccuracyResult counts how often the classifier read what was asked for.
type AccuracyResult struct {
	Correct, Total []int // per class asked for, [numClasses]
}

// Accuracy compares the classes that a classifier read, with those that the
// samples were to show, image by image. Classes are 0 … numClasses-1; it is an
// error if one is not, or if the lengths differ.
//
// It is the accuracy of generator and classifier together: the classifier's own
// on real images is its ceiling, more or less.
func Accuracy(predicted, wanted []uint8, numClasses int) (AccuracyResult, error) {
	if numClasses < 1 || numClasses > 256 {
		return AccuracyResult{}, fmt.Errorf("the number of classes is %d, must be between 1 and 256", numClasses)
	}
	if len(predicted) != len(wanted) {
		return AccuracyResult{}, fmt.Errorf("there are %d predicted classes and %d wanted ones", len(predicted), len(wanted))
	}
	r := AccuracyResult{Correct: make([]int, numClasses), Total: make([]int, numClasses)}
	for i, class := range wanted {
		if int(class) >= numClasses || int(predicted[i]) >= numClasses {
			return AccuracyResult{}, fmt.Errorf("image %d: class %d was wanted and %d read, of %d classes", i, class, predicted[i], numClasses)
		}
		r.Total[class]++
		if predicted[i] == class {
			r.Correct[class]++
		}
	}
	return r, nil
}

// Overall is the share of images read as wanted, 0 … 1, with its binomial
// standard error sqrt(p(1-p)/n); both NaN without images.
func (r AccuracyResult) Overall() (share, stdErr float64) {
	var correct, total int
	for class := range r.Total {
		correct += r.Correct[class]
		total += r.Total[class]
	}
	return binomial(correct, total)
}

// Class is the same of the images that were to show a class.
func (r AccuracyResult) Class(class int) (share, stdErr float64) {
	return binomial(r.Correct[class], r.Total[class])
}

func binomial(correct, total int) (share, stdErr float64) {
	if total == 0 {
		return math.NaN(), math.NaN()
	}
	p := float64(correct) / float64(total)
	return p, math.Sqrt(p * (1 - p) / float64(total))
}

var accuracyFamily = family{
	metrics: []Metric{
		{Name: "accuracy", Better: Higher, Classifier: true, Unit: "share", Low: 0, High: 1,
			Description: "how often the harness's classifier reads the class that was asked for"},
		{Name: "accuracy/{class}", Better: Higher, Classifier: true, Unit: "share", Low: 0, High: 1,
			Description: "the same for one class"},
	},
	compute: func(in *Input) ([]Value, error) {
		if in.Wanted == nil && in.Predicted == nil {
			return nil, nil
		}
		r, err := Accuracy(in.Predicted, in.Wanted, in.NumClasses)
		if err != nil {
			return nil, err
		}
		overall := value("accuracy")
		overall.Value, overall.StdErr = r.Overall()
		if len(in.Wanted) == 0 {
			overall.Note = "not defined without images"
		}
		values := []Value{overall}
		for class := range in.NumClasses {
			v := value("accuracy/" + strconv.Itoa(class))
			v.Value, v.StdErr = r.Class(class)
			if r.Total[class] == 0 {
				v.Note = "no image of this class was asked for"
			}
			values = append(values, v)
		}
		return values, nil
	},
}
