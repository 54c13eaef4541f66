package sweep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/config"
)

func TestTheShippedSweepsCanBePlanned(t *testing.T) {
	paths, err := filepath.Glob("../../../configs/sweeps/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("found %v (%v)", paths, err)
	}
	runs := map[string]int{"ci": 16, "fm_vs_ddpm": 16, "learning_rate": 8, "solvers": 28, "mnist_solvers": 56, "couplings": 80}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"#   Time:", "#   Expect:", "#   Command:"} {
				if !strings.Contains(string(text), part) {
					t.Errorf("its heading lacks %q", part)
				}
			}
			if strings.HasSuffix(name, "_base") {
				if _, err := config.Load(path, nil); err != nil {
					t.Error(err)
				}
				return
			}
			f, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Plan(t.Context(), MaxRuns)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Runs(); got != runs[name] {
				t.Errorf("it plans %d runs, want %d", got, runs[name])
			}
			for _, task := range p.Tasks {
				for _, r := range task.Runs {
					if w := r.Config.Warnings; len(w) > 0 {
						t.Errorf("variant %s is questionable: %v", p.Variants[r.Variant].Label, w)
					}
				}
			}
		})
	}
}
