package checkpoint

import (
	"math"
	"strings"
	"testing"
)

func TestCheckFinite(t *testing.T) {
	layout := tinyLayout(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	last := layout.Entries()[len(layout.Entries())-1]
	for _, tc := range []struct {
		name    string
		ema     bool
		spoil   func(*State)
		average bool
		want    string // empty: no error
	}{
		{"finite weights", true, func(*State) {}, false, ""},
		{"one NaN", false, func(s *State) { s.Params[0] = nan }, false, "1 of the "},
		{"the last is infinite", false, func(s *State) { s.Params[len(s.Params)-1] = inf }, false, "the first in " + last.Name},
		{"the average has NaN and is drawn from", true, func(s *State) { s.EMA[3], s.EMA[4] = nan, inf }, true, "averaged weights of step 5"},
		{"the average has NaN and is not drawn from", true, func(s *State) { s.EMA[3] = nan }, false, ""},
		{"the average is drawn from and the weights have NaN", true, func(s *State) { s.Params[3] = nan }, true, ""},
		{"no average is kept, the weights stand in", false, func(s *State) { s.Params[3] = nan }, true, "weights of step 5"},
		{"the optimizer's moments are not drawn from", false, func(s *State) { s.M[0], s.V[0] = nan, inf }, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newState(layout, 5, tc.ema)
			tc.spoil(&s)
			err := s.CheckFinite(layout, tc.average)
			if tc.want == "" && err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}
