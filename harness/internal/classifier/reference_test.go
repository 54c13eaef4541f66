package classifier

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"flowharness/harness/internal/plugin/plugintest"
	"flowharness/metrics"
)

func TestAnchorsSpanTheScale(t *testing.T) {
	const n = 500
	b := plugintest.Open(t, "xla:cpu")
	train, test := open(t, "digits", "train", n), open(t, "digits", "test", n)
	for _, flip := range []bool{false, true} {
		c := newClassifier(t, b, "digits", flip)
		ref, err := c.Reference(t.Context(), test)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Anchors(t.Context(), ref, train, n)
		if err != nil {
			t.Fatal(err)
		}
		if a.N != n || len(a.Train) != len(a.Noise) || len(a.Train) != 17 {
			t.Fatalf("%d and %d values", len(a.Train), len(a.Noise))
		}
		for i, v := range a.Train {
			noise := a.Noise[i]
			if math.IsNaN(v.Value) || math.IsNaN(noise.Value) || v.Name != noise.Name {
				t.Errorf("%+v, %+v", v, noise)
			}
			m, _ := metrics.Find(v.Name)
			// Noise is read as one class: that class's accuracy may be perfect.
			if strings.HasPrefix(v.Name, "accuracy/") {
				continue
			}
			if better := v.Value > noise.Value; better != (m.Better == metrics.Higher) {
				t.Errorf("flip %t: %s of real images is %g, of noise %g, and %s is better", flip, v.Name, v.Value, noise.Value, m.Better)
			}
		}
		again, err := c.Anchors(t.Context(), ref, train, n)
		if err != nil || !reflect.DeepEqual(text(a), text(again)) {
			t.Errorf("again: %v, %+v", err, again)
		}
	}
}

// text makes NaN equal to NaN.
func text(a *Anchors) []metrics.Value {
	all := append(append([]metrics.Value{}, a.Train...), a.Noise...)
	for i := range all {
		if math.IsNaN(all[i].StdErr) {
			all[i].StdErr = -1
		}
	}
	return all
}

func TestReferenceRefusesAnotherDataset(t *testing.T) {
	c := newClassifier(t, plugintest.Open(t, "go"), "mnist", false)
	data := open(t, "digits", "test", 10)
	if _, err := c.Reference(context.Background(), data); err == nil || !strings.Contains(err.Error(),
		"trained for dataset mnist, not for digits") {
		t.Errorf("error %v", err)
	}
}
