package machine

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFactsOfThisMachineAreFilled(t *testing.T) {
	facts := Collect(t.Context())
	if facts.Hostname == "" || facts.OS == "" || facts.Arch == "" || facts.CPUs < 1 || facts.GOMAXPROCS < 1 ||
		facts.MemoryBytes < 1<<28 || !strings.HasPrefix(facts.GoVersion, "go") {
		t.Errorf("facts are missing: %+v", facts)
	}
	data, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"hostname"`, `"memory_bytes"`, `"go_version"`, `"versions"`} {
		if !strings.Contains(string(data), key) {
			t.Errorf("%s is not in the JSON: %s", key, data)
		}
	}
}

func TestFeaturesKeepsVectorInstructionsInOrder(t *testing.T) {
	got := features([]string{"sse2", "fma", "avx512f", "avx2", "fpu", "amx_tile", "avx2"})
	want := []string{"amx_tile", "avx2", "avx512f", "fma"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseGPUs(t *testing.T) {
	tests := []struct {
		name, out string
		want      []GPU
	}{
		{"no GPU prints nothing", "", nil},
		{"one GPU", "NVIDIA H200, 143771, 570.86.15\n", []GPU{{"NVIDIA H200", 143771 << 20, "570.86.15"}}},
		{"memory may be unknown", "NVIDIA GB10, [N/A], 580.1\n", []GPU{{"NVIDIA GB10", 0, "580.1"}}},
		{"other lines are passed over", "No devices were found\nTesla T4, 15360, 535.1\n", []GPU{{"Tesla T4", 15360 << 20, "535.1"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, parseGPUs(test.out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkout := func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		write(t, dir, "a.txt", "one\n")
		for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.org",
			"commit", "-q", "-m", "first"}} {
			if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		return dir
	}
	t.Run("a clean checkout has a commit and no diff", func(t *testing.T) {
		got := CollectGit(t.Context(), checkout(t))
		if len(got.Commit) != 40 || got.Dirty || got.Diff != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("changes and untracked files are in the diff, also seen from a folder below", func(t *testing.T) {
		dir := checkout(t)
		write(t, dir, "a.txt", "two\n")
		write(t, dir, "new.txt", "secret\n")
		write(t, dir, "sub/x", "")
		got := CollectGit(t.Context(), filepath.Join(dir, "sub"))
		if !got.Dirty || !strings.Contains(got.Diff, "-one\n+two\n") || !strings.Contains(got.Diff,
			"\nnew.txt\n") || strings.Contains(got.Diff, "secret") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a diff of many megabytes is cut", func(t *testing.T) {
		dir := checkout(t)
		write(t, dir, "a.txt", strings.Repeat("a long line é\n", 400_000))
		got := CollectGit(t.Context(), dir)
		if !got.Dirty || len(got.Diff) > MaxDiff || !strings.HasSuffix(got.Diff, "(the rest is left out)\n") {
			t.Errorf("dirty %v, %d bytes", got.Dirty, len(got.Diff))
		}
	})
	t.Run("outside of a checkout it is the build's stamp", func(t *testing.T) {
		t.Setenv("GIT_CEILING_DIRECTORIES", "/")
		if diff := cmp.Diff(BuildGit(), CollectGit(t.Context(), t.TempDir())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a cancelled context does not hang or panic", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := CollectGit(ctx, checkout(t)); got.Diff != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPeakMemoryGrowsWithUse(t *testing.T) {
	before := PeakMemory()
	if before < 1<<20 {
		t.Fatalf("peak memory is %d bytes", before)
	}
	block := make([]byte, 256<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	if after := PeakMemory(); after < 256<<20 || block[4096] != 1 {
		t.Errorf("peak memory is %d bytes after touching 256 MiB", after)
	}
}

func TestFreeDisk(t *testing.T) {
	dir := t.TempDir()
	existing, err := FreeDisk(dir)
	if err != nil || existing == 0 {
		t.Fatalf("%d bytes free, %v", existing, err)
	}
	if _, err := FreeDisk(filepath.Join(dir, "not", "yet", "there.db")); err != nil {
		t.Errorf("a path that does not exist yet: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := FreeDisk(filepath.Join(file, "below")); err == nil {
		t.Error("a path below a file is accepted")
	}
}
