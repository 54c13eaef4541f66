package web_test

import (
	"context"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

var (
	screenshots     = flag.String("screenshots", "", "put the pictures of docs/ui.md into this folder")
	screenshotStore = flag.String("screenshot-store", "", "the store to show in them: one with a sweep")
)

// TestScreenshots makes the pictures of docs/ui.md.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" || *screenshotStore == "" {
		t.Skip("pass -screenshots FOLDER and -screenshot-store FILE to make the pictures")
	}
	ctx := t.Context()
	st, err := store.Open(ctx, *screenshotStore)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	sweeps, err := st.Sweeps(ctx)
	if err != nil || len(sweeps) == 0 {
		t.Fatalf("the store has %d sweeps, %v", len(sweeps), err)
	}
	sweep, err := st.Sweep(ctx, sweeps[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	// The page of comparisons shows the last two variants.
	var variants []string
	for _, r := range sweep.Runs {
		if !slices.Contains(variants, r.Variant) {
			variants = append(variants, r.Variant)
		}
	}
	compared := url.Values{}
	for _, r := range sweep.Runs {
		if slices.Contains(variants[max(0, len(variants)-2):], r.Variant) {
			run, err := st.Run(ctx, r.RunID)
			if err != nil {
				t.Fatal(err)
			}
			compared.Add("run", run.Slug)
		}
	}
	shown := mostDrawn(t, st)
	address := serve(t, web.Options{Store: st, Name: "runs/harness.db"})
	for _, picture := range []struct {
		name, path    string
		width, height int
		dark          bool
		at            string // selector of what stands at the top; "": the page's beginning
	}{
		{"ui_runs", "/", 1280, 800, false, ""},
		{"ui_runs_grouped", "/?group=seed", 1280, 640, false, ""},
		{"ui_run", "/runs/" + shown, 1280, 1000, false, ""},
		{"ui_run_grids", "/runs/" + shown, 1280, 900, false, "#samples-title"},
		{"ui_compare", "/compare?" + compared.Encode(), 1280, 1000, false, ""},
		{"ui_compare_grids", "/compare?" + compared.Encode(), 1280, 900, false, "#grid-head"},
		{"ui_sweep", "/sweeps/" + url.PathEscape(sweep.Name), 1280, 1000, false, ""},
		{"ui_run_dark_narrow", "/runs/" + shown, 400, 800, true, ""},
	} {
		tab := browser(t, picture.width, picture.height)
		scheme := "light"
		if picture.dark {
			scheme = "dark"
		}
		do(t, tab, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia,
				emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return err
		}), chromedp.Navigate(address+picture.path))
		eventually(t, tab, `document.readyState === "complete" && [...document.images].every(i => i.complete || i.loading === "lazy")`, soon)
		if picture.at != "" {
			if !value[bool](t, tab, `!!document.querySelector("`+picture.at+`")`) {
				t.Errorf("%s has no %s", picture.path, picture.at)
				continue
			}
			do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector("`+picture.at+`").scrollIntoView(); undefined`))
			time.Sleep(500 * time.Millisecond) // pictures that load when they are seen
		}
		png, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*screenshots, picture.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// mostDrawn is the run whose samples show best how it went: drawn at the most steps.
func mostDrawn(t *testing.T, st *store.Store) string {
	t.Helper()
	runs, err := st.ListRuns(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	slug, most := "", 0
	for _, run := range runs {
		samples, err := st.Samples(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		steps := map[int]bool{}
		for _, s := range samples {
			steps[s.Step] = true
		}
		if len(steps) > most {
			slug, most = run.Slug, len(steps)
		}
	}
	return slug
}
