package web_test

import (
	"net"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// TestAPageCatchesUp: the server goes away, as it does for a laptop that sleeps,
// and what happened meanwhile is shown when it is there again.
func TestAPageCatchesUp(t *testing.T) {
	st := newStore(t)
	run, w := startRun(t, st)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, stop := startOn(t, l, web.Options{Store: st})
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(address+"/runs/"+run.Slug), chromedp.WaitVisible("#status"))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, 5*time.Second)
	stop()
	eventually(t, tab, `document.getElementById("link").dataset.state === "reconnecting"`, 5*time.Second)
	w.Point("train/loss", 2, 0.5)
	w.Progress(2, 1000)
	if err := w.Finish(t.Context(), store.StatusInterrupted, ""); err != nil {
		t.Fatal(err)
	}
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	_, stop = startOn(t, l, web.Options{Store: st})
	defer stop()
	eventually(t, tab, `document.querySelector("#status .status").textContent === "interrupted"`, 20*time.Second)
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, 5*time.Second)
}

func TestANewPointShowsWithinASecond(t *testing.T) {
	st := newStore(t)
	run, w := startRun(t, st)
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
	if err := w.Finish(t.Context(), store.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `document.querySelector("#status .status").textContent === "finished"`, 5*time.Second)
}

// startRun begins a run of a thousand steps, and records the first.
func startRun(t *testing.T, st *store.Store) (*store.Run, *store.Writer) {
	t.Helper()
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "live", Process: "flow_match", Dataset: "digits", ConfigHash: "x", ResolvedYAML: "name: live\n", Environment: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.Point("train/loss", 1, 1)
	w.Progress(1, 1000)
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return run, w
}
