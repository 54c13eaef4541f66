package config

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHashesOfConfigsStayWhatTheyAre holds configs, as they were when runs of them
// were first recorded, and the hashes that the program of that time gave them. A
// hash that changes parts those runs from new ones of the same config, and makes
// them unreadable.
func TestHashesOfConfigsStayWhatTheyAre(t *testing.T) {
	const dir = "testdata/recorded"
	list, err := os.Open(filepath.Join(dir, "hashes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	lines, n := bufio.NewScanner(list), 0
	for lines.Scan() {
		hash, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			t.Fatalf("hashes.txt has the line %q", lines.Text())
		}
		n++
		r, err := Load(filepath.Join(dir, name), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Hash != hash {
			t.Errorf("the hash of %s is %s, was %s", name, r.Hash, hash)
		}
		// What is recorded is the config written out in full.
		if again, err := Parse(name, r.YAML, nil); err != nil || again.Hash != hash {
			t.Errorf("%s, written out in full: %+v (%v)", name, again, err)
		}
	}
	if err := lines.Err(); err != nil || n < 12 {
		t.Errorf("%d configs (%v)", n, err)
	}
}

// TestHashesOfShippedConfigsStay: a hash in the golden file changes where its config
// does, never because the program has.
func TestHashesOfShippedConfigsStay(t *testing.T) {
	var hashes strings.Builder
	for _, pattern := range []string{"../../../configs/*.yaml", "../../../configs/sweeps/*_base.yaml", "../../testdata/recorded/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d configs (%v)", pattern, len(paths), err)
		}
		for _, path := range paths {
			r, err := Load(path, ownPictures(t, path))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			fmt.Fprintf(&hashes, "%s  %s\n", r.Hash, strings.TrimLeft(path, "./"))
		}
	}
	checkGolden(t, "testdata/shipped_hashes.txt", []byte(hashes.String()))
}
