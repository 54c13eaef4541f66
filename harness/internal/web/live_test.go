package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

func TestANewPointShowsWithinASecond(t *testing.T) {
	st := newStore(t)
	ctx := t.Context()
	run, err := st.CreateRun(ctx, store.NewRun{Name: "live", Process: "flow_match", Dataset: "digits", ConfigHash: "x", ResolvedYAML: "name: live\n", Environment: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.Point("train/loss", 1, 1)
	w.Progress(1, 1000)
	address := serve(t, web.Options{Store: st})
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(address+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, 5*time.Second)
	for step := 2; step < 5; step++ {
		w.Point("train/loss", step, 1/float64(step))
		w.Progress(step, 1000)
		recorded := time.Now()
		// The bound of the promise is a second; a loaded machine gets five.
		eventually(t, tab, `document.getElementById("status").textContent.includes("`+string(rune('0'+step))+` of")`, 5*time.Second)
		t.Logf("seen after %v", time.Since(recorded))
	}
	if err := w.Finish(ctx, store.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `document.querySelector("#status .status").textContent === "finished"`, 5*time.Second)
}
