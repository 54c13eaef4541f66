package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/record"
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
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
	stop()
	eventually(t, tab, `document.getElementById("link").dataset.state === "reconnecting"`, soon)
	w.Point("train/loss", 2, 0.5)
	w.Progress(2, 1000)
	if err := w.Finish(t.Context(), record.StatusInterrupted, ""); err != nil {
		t.Fatal(err)
	}
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	_, stop = startOn(t, l, web.Options{Store: st})
	defer stop()
	eventually(t, tab, `document.querySelector("#status .status").textContent === "interrupted"`, soon)
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
}

func TestANewPointShowsWithinASecond(t *testing.T) {
	st := newStore(t)
	run, w := startRun(t, st)
	address := serve(t, web.Options{Store: st})
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(address+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
	for step := 2; step < 5; step++ {
		w.Point("train/loss", step, 1/float64(step))
		w.Progress(step, 1000)
		recorded := time.Now()
		// The bound of the promise is a second; a loaded machine gets more.
		eventually(t, tab, `document.getElementById("status").textContent.includes("`+string(rune('0'+step))+` of")`, soon)
		t.Logf("seen after %v", time.Since(recorded))
	}
	if err := w.Finish(t.Context(), record.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `document.querySelector("#status .status").textContent === "finished"`, soon)
}

// TestManyViewersDoNotHoldUpARun: all of them are told, and what the run records is
// written as if nobody looked.
func TestManyViewersDoNotHoldUpARun(t *testing.T) {
	st := newStore(t)
	run, w := startRun(t, st)
	address := serve(t, web.Options{Store: st})
	const viewers = 60
	told := make(chan error, viewers)
	ctx, leave := context.WithTimeout(t.Context(), 30*time.Second)
	defer leave()
	for i := range viewers {
		topic := "all"
		if i%2 == 0 {
			topic = "runs:" + run.ID
		}
		go func() { told <- waitForStates(ctx, address+"/live?topic="+topic, 3) }()
	}
	deadline := time.Now().Add(25 * time.Second)
	for seen, step := 0, 2; seen < viewers; step++ {
		w.Point("train/loss", step, 1/float64(step))
		w.Progress(step, 1000)
		flushed := time.Now()
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(flushed); took > 20*time.Second {
			t.Fatalf("writing a point took %v", took)
		}
		for waiting := true; waiting; {
			select {
			case err := <-told:
				if err != nil {
					t.Fatal(err)
				}
				seen++
			case <-time.After(100 * time.Millisecond):
				waiting = false
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d viewers were told three times", seen, viewers)
		}
	}
	if err := w.Finish(t.Context(), record.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
}

// waitForStates reads a stream until it has told so many different states.
func waitForStates(ctx context.Context, address string, n int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	states := map[string]bool{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if state, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if states[state] = true; len(states) == n {
				return nil
			}
		}
	}
	return fmt.Errorf("%s ended after %d states", address, len(states))
}

// startRun begins a run of a thousand steps, and records the first.
func startRun(t *testing.T, st *store.Store) (*store.Run, *store.Writer) {
	t.Helper()
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "live", Process: "flow_match", Dataset: "digits", ConfigHash: "x",
		ResolvedYAML: "name: live\n", Environment: map[string]any{}})
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
