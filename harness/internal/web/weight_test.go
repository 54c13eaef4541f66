package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"flowharness/harness/internal/web"
)

// maxWeight is what a page may weigh with all scripts and styles, in bytes.
const maxWeight = 400_000

func TestPagesAreLight(t *testing.T) {
	st := newStore(t)
	compared := "/compare?"
	var last string
	for seed := range uint64(20) {
		run := addRun(t, st, "heavy", seed, 3000)
		compared += "run=" + run.Slug + "&"
		last = run.Slug
	}
	assets := 0
	files, err := filepath.Glob("*/assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		assets += int(info.Size())
	}
	address := serve(t, web.Options{Store: st})
	for _, path := range []string{"/", "/?group=seed", "/runs/" + last, compared, "/sweeps"} {
		_, text := request(t, "GET", address+path, "", "", nil)
		t.Logf("%-12.12s %3d kB, and %d kB of scripts and styles", path, len(text)/1000, assets/1000)
		if len(text) < 2000 || len(text)+assets > maxWeight {
			t.Errorf("%s weighs %d bytes, and scripts and styles %d", path, len(text), assets)
		}
	}
}
