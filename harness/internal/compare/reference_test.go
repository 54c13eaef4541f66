package compare

import (
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/fault"
	"flowharness/harness/internal/store"
)

// addReferences measures real images and noise, as many as count says.
func addReferences(t *testing.T, st *store.Store, count int, real, noise float64) {
	t.Helper()
	for kind, value := range map[store.ReferenceKind]float64{store.ReferenceReal: real, store.ReferenceNoise: noise} {
		must(t, st.AddReference(t.Context(), store.Reference{Dataset: "mnist", Classifier: classifier, Kind: kind, Images: count,
			Metrics: []store.Metric{{Name: "accuracy", Value: value}, {Name: "fd_mnist_cnn", Value: 100 * value}}}))
	}
}

func TestReferencesAreOfAsManyImagesAsTheSamples(t *testing.T) {
	st := tempStore(t)
	few := makeRun(t, st, sketch{Name: "few", Accuracy: 0.9})
	few2 := makeRun(t, st, sketch{Name: "few2", Accuracy: 0.9, Config: "x: 1"})
	many := makeRun(t, st, sketch{Name: "many", Accuracy: 0.9, Config: "x: 2", Images: 1000})
	many2 := makeRun(t, st, sketch{Name: "many2", Accuracy: 0.9, Config: "x: 3", Images: 1000})
	odd := makeRun(t, st, sketch{Name: "odd", Accuracy: 0.9, Config: "x: 4", Images: 300})
	addReferences(t, st, 200, 0.99, 0.1)
	addReferences(t, st, 1000, 0.98, 0.12)
	for _, c := range []struct {
		name        string
		runs        []*store.Run
		want        []Reference
		real, noise Value
		lacking     string // what to type
	}{
		{"few, though more were measured", []*store.Run{few, few2},
			[]Reference{{store.ReferenceReal, 200, 0.99}, {store.ReferenceNoise, 200, 0.1}}, 0.99, 0.1, ""},
		{"many, though fewer were measured", []*store.Run{many, many2},
			[]Reference{{store.ReferenceReal, 1000, 0.98}, {store.ReferenceNoise, 1000, 0.12}}, 0.98, 0.12, ""},
		{"both", []*store.Run{few, many}, []Reference{{store.ReferenceReal, 200, 0.99}, {store.ReferenceNoise, 200, 0.1},
			{store.ReferenceReal, 1000, 0.98}, {store.ReferenceNoise, 1000, 0.12}}, missing, missing, ""},
		{"a number that nobody measured", []*store.Run{odd, many},
			[]Reference{{store.ReferenceReal, 1000, 0.98}, {store.ReferenceNoise, 1000, 0.12}}, missing, missing,
			"nobody has measured 300 real images"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compared(t, st, Options{}, c.runs...)
			row := rowOf(t, r, "accuracy")
			equal := func(a, b Value) bool { return a == b || a.Missing() && b.Missing() }
			if !slices.Equal(row.References, c.want) || !equal(row.Real, c.real) || !equal(row.Noise, c.noise) {
				t.Errorf("%+v, real %v, noise %v", row.References, row.Real, row.Noise)
			}
			lacking := slices.IndexFunc(r.Warnings, func(w Warning) bool { return w.Help.Action == fault.MeasureReferences })
			switch {
			case c.lacking == "" && lacking >= 0:
				t.Errorf("nothing lacks, and yet: %s", r.Warnings[lacking])
			case c.lacking != "":
				warned(t, r, c.lacking)
				if lacking < 0 || !slices.Equal(r.Warnings[lacking].Help.Args, []string{odd.Slug, "300"}) {
					t.Errorf("nothing says how to measure them: %+v", r.Warnings)
				}
			}
		})
	}
}

func TestFewImagesAreWarnedOf(t *testing.T) {
	st := tempStore(t)
	few, few2 := makeRun(t, st, sketch{Name: "few", Accuracy: 0.9}), makeRun(t, st, sketch{Name: "few2", Accuracy: 0.9, Config: "x: 1"})
	many, many2 := makeRun(t, st, sketch{Name: "many", Accuracy: 0.9, Images: 1000, Config: "x: 2"}), makeRun(t, st,
		sketch{Name: "many2", Accuracy: 0.9, Images: 1000, Config: "x: 3"})
	says := func(r *Result) bool {
		return slices.ContainsFunc(r.Warnings, func(w Warning) bool { return strings.Contains(w.Text, "images are few") })
	}
	warned(t, compared(t, st, Options{}, few, few2), "200 images are few to measure")
	if r := compared(t, st, Options{}, few, few2); !slices.ContainsFunc(r.Warnings, func(w Warning) bool {
		return w.Help.Action == fault.MeasureMoreImages && slices.Equal(w.Help.Args, []string{few.Slug, "1000"})
	}) {
		t.Errorf("nothing says what would help: %+v", r.Warnings)
	}
	if says(compared(t, st, Options{Metrics: []string{"accuracy"}}, few, few2)) {
		t.Error("accuracy is a mean over images: few of them make it uncertain, and its error says how much")
	}
	if says(compared(t, st, Options{}, many, many2)) {
		t.Error("1000 images are said to be few")
	}
}
