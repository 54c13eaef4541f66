package sweep

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkPlan plans 10,000 runs: what harness sweep does before anything
// starts, and harness sweep plan before it prints.
func BenchmarkPlan(b *testing.B) {
	f := load(b, `
matrix:
  train.lr: [1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3, 7e-3, 8e-3, 9e-3, 1e-2]
  train.weight_decay: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
  train.grad_clip: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  train.label_drop: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
exclude:
- {train.lr: 0.5e-3, train.grad_clip: 1.0}
`)
	for b.Loop() {
		plan, err := f.Plan(b.Context(), MaxRuns)
		if err != nil {
			b.Fatal(err)
		}
		if plan.Runs() != 10_000 {
			b.Fatalf("%d runs", plan.Runs())
		}
	}
}

// load writes a sweep file beside tiny.yaml, which it varies, and reads it.
func load(t testing.TB, text string) *File {
	t.Helper()
	f, err := Load(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// write writes a sweep file of tiny.yaml into a folder of its own.
func write(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	tiny, err := os.ReadFile(filepath.Join("..", "..", "testdata", "tiny.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "some.yaml")
	for name, content := range map[string]string{filepath.Join(dir, "tiny.yaml"): string(tiny), path: "base: tiny.yaml\n" + text} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
