package store

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/record"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sample(step int, png string) SampleRecord {
	return SampleRecord{Drawing: drawing(step), PNG: []byte(png)}
}

func drawing(step int) record.Drawing {
	return record.Drawing{Step: step, Epoch: 1, Sampler: "heun", SamplerJSON: `{"name":"heun"}`, Steps: 8, Guidance: 2.5, Seed: math.MaxUint64,
		NFE: 16, Images: 44, Seconds: 1.25, UsedEMA: true, Warnings: []string{"few steps", "few \"images\" < 5"}}
}

func countImages(t *testing.T, s *Store) (n int) {
	t.Helper()
	must(t, s.read.QueryRow("SELECT count(*) FROM images").Scan(&n))
	return n
}

func TestSamplesReadBackAndShareTheirPictures(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	w := openWriter(t, s, run.ID)
	must(t, w.Sample(t.Context(), sample(20, "grid")))
	must(t, w.Sample(t.Context(), sample(10, "other")))
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	must(t, s.AddSample(t.Context(), run.ID, sample(20, "grid"))) // later, by another command

	got := get(s.Samples(t.Context(), run.ID))(t)
	want := []Sample{{SampleRecord: sample(10, "")}, {SampleRecord: sample(20, "")}, {SampleRecord: sample(20, "")}}
	for i, png := range []string{"other", "grid", "grid"} {
		want[i].PNG = nil
		sum := sha256.Sum256([]byte(png))
		want[i].ImageSHA256 = hex.EncodeToString(sum[:])
		if got := get(s.Image(t.Context(), got[i].ImageSHA256))(t); string(got) != png {
			t.Errorf("picture %d is %q", i, got)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Sample{}, "ID", "CreatedAt")); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if n := countImages(t, s); n != 2 {
		t.Errorf("%d pictures are stored, want 2", n)
	}
}

func TestABadSampleIsRefused(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x")
	noConfig := sample(1, "grid")
	noConfig.SamplerJSON = "not JSON"
	for says, r := range map[string]SampleRecord{"no picture": sample(1, ""), "sampler_json": noConfig} {
		if err := s.AddSample(t.Context(), run.ID, r); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
	if n := countImages(t, s); n != 0 {
		t.Errorf("%d pictures are stored", n)
	}
	if _, err := s.Image(t.Context(), strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), "no picture") {
		t.Errorf("unknown picture: %v", err)
	}
}

func TestDrawingsOfAnOlderSchemaHaveNoWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := get(Open(t.Context(), path))(t)
	run := newRun(t, s, "x")
	must(t, s.AddSample(t.Context(), run.ID, sample(20, "grid")))
	must(t, s.AddEvaluation(t.Context(), run.ID, EvaluationRecord{Drawing: drawing(20), Dataset: "mnist", Classifier: "c"}))
	makeOlder(t, s)
	must(t, s.Close())

	s = openAt(t, path)
	want := drawing(20)
	want.Warnings = nil
	if got := get(s.Samples(t.Context(), run.ID))(t); len(got) != 1 || !cmp.Equal(got[0].Drawing, want) {
		t.Errorf("samples are %+v", got)
	}
	if got := get(s.Evaluations(t.Context(), run.ID))(t); len(got) != 1 || !cmp.Equal(got[0].Drawing, want) {
		t.Errorf("evaluations are %+v", got)
	}
	if !drawing(20).Same(want) {
		t.Error("a drawing is another one because nothing was said of it")
	}
}
