package web_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// at is a place in a plot, as a part of its width and height.
func at(t *testing.T, tab context.Context, plot string, x, y float64) (px, py float64) {
	t.Helper()
	value[bool](t, tab, `document.querySelector("#plot-`+plot+`").scrollIntoView({block: "center"}), true`)
	box := value[[]float64](t, tab, `(() => { const b = document.querySelector("#plot-`+plot+` svg").getBoundingClientRect(); `+
		`return [b.left, b.top, b.width, b.height]; })()`)
	return box[0] + x*box[2], box[1] + y*box[3]
}

// pointer sends an event as a browser does.
func pointer(t *testing.T, tab context.Context, kind, pointerType string, x, y float64) {
	t.Helper()
	value[bool](t, tab, fmt.Sprintf(`document.elementFromPoint(%[3]g, %[4]g).dispatchEvent(new PointerEvent(%[1]q, {bubbles: true, `+
		`cancelable: true, pointerType: %[2]q, clientX: %[3]g, clientY: %[4]g, button: 0})), true`, kind, pointerType, x, y))
}

func readout(plot string) string { return `document.querySelector("#plot-` + plot + ` .readout")` }

func TestThePointerAndTheArrowKeysShowValues(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug+"?smooth=0"), chromedp.WaitVisible("#plot-loss svg"))
	x, y := at(t, tab, "loss", 0.3, 0.5)
	pointer(t, tab, "pointermove", "mouse", x, y)
	shown := value[string](t, tab, readout("loss")+".textContent")
	step, err := strconv.Atoi(strings.Fields(shown)[1][:2])
	if err != nil || !strings.Contains(shown, fmt.Sprintf("train/loss %.3g", math.Round(1e5/float64(step))/1e5)[:14]) {
		t.Errorf("the pointer shows %q", shown)
	}
	pointer(t, tab, "pointerout", "mouse", x, y)
	eventually(t, tab, readout("loss")+".hidden", time.Second)

	press := func(key string) string {
		value[bool](t, tab, `document.getElementById("canvas-loss").focus(), document.activeElement.dispatchEvent(new KeyboardEvent("keydown", `+
			`{key: "`+key+`", bubbles: true, cancelable: true})), true`)
		return value[string](t, tab, readout("loss")+".textContent")
	}
	for _, c := range []struct{ key, want string }{
		{"Home", "step 1train/loss 1"}, {"ArrowRight", "step 2train/loss 0.5"}, {"PageDown", "step 8train/loss 0.125"}, {"End",
			"step 60train/loss 0.016667"},
		{"ArrowRight", "step 60train/loss 0.016667"}, {"ArrowLeft", "step 59train/loss 0.016949"},
	} {
		if got := press(c.key); got != c.want {
			t.Errorf("%s shows %q, want %q", c.key, got, c.want)
		}
	}
	for range 39 {
		shown = press("ArrowLeft")
	}
	if shown != "step 20train/loss NaN" {
		t.Errorf("the step that is not a number shows %q", shown)
	}
	press("Escape")
	eventually(t, tab, readout("loss")+".hidden", time.Second)

	// A tap shows values, which stay.
	x, y = at(t, tab, "loss", 0.6, 0.5)
	pointer(t, tab, "pointerdown", "touch", x, y)
	pointer(t, tab, "pointerout", "touch", x, y)
	eventually(t, tab, "!"+readout("loss")+".hidden", time.Second)
}

func TestDraggingZoomsAndTheAddressSaysSo(t *testing.T) {
	st := newStore(t)
	run := longRun(t, st, 3000, record.StatusFinished)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	if n := value[int](t, tab, `JSON.parse(document.querySelector("#plot-loss").dataset.values).lines[0].y.length`); n > 1000 || n < 200 {
		t.Errorf("a plot has %d points", n)
	}
	drag := func(from, to float64) {
		x, y := at(t, tab, "loss", from, 0.5)
		pointer(t, tab, "pointerdown", "mouse", x, y)
		x, y = at(t, tab, "loss", to, 0.5)
		pointer(t, tab, "pointermove", "mouse", x, y)
		if !value[bool](t, tab, `document.querySelector("#plots").hasAttribute("data-held")`) {
			t.Error("the plots may be replaced while somebody draws on one")
		}
		pointer(t, tab, "pointerup", "mouse", x, y)
	}
	zoom := func() (from, to int) {
		_, _ = fmt.Sscanf(value[string](t, tab, `new URL(location).searchParams.get("zoom") ?? "0-0"`), "%d-%d", &from, &to)
		return from, to
	}
	drag(0.4, 0.6)
	eventually(t, tab, `location.search.includes("zoom=")`, soon)
	from, to := zoom()
	if from < 800 || from > 1300 || to < 1600 || to > 2100 {
		t.Errorf("zoomed to %d to %d", from, to)
	}
	eventually(t, tab, `document.querySelector("#plot-loss a[data-swap]") !== null`, soon)
	if outside := value[bool](t, tab, fmt.Sprintf(`JSON.parse(document.querySelector("#plot-loss").dataset.values).lines[0].x.some((x) => `+
		`x < %d || x > %d)`, from, to)); outside {
		t.Error("steps outside of the stretch are drawn")
	}
	// Over time the stretch is still of steps.
	do(t, tab, chromedp.Navigate(value[string](t, tab, `location.origin + location.pathname`)+"?x=time"),
		chromedp.WaitVisible("#plot-loss svg"))
	drag(0.4, 0.6)
	eventually(t, tab, `location.search.includes("zoom=")`, soon)
	if from, to := zoom(); from < 1 || to > 3000 || to-from < 10 {
		t.Errorf("over time it zoomed to %d to %d", from, to)
	}
	x, y := at(t, tab, "loss", 0.5, 0.5)
	pointer(t, tab, "dblclick", "mouse", x, y)
	eventually(t, tab, `!location.search.includes("zoom=")`, soon)
	eventually(t, tab, `document.querySelector("#plot-loss a[data-swap]") === null`, soon)
}

func TestSmoothingAndAxesAreChosenOnThePage(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	set := func(field, to string) {
		value[bool](t, tab, fmt.Sprintf(`(() => { const f = document.querySelector("#curve-tools [name=%s]"); f.value = %q; `+
			`f.dispatchEvent(new Event("input", {bubbles: true})); f.dispatchEvent(new Event("change", {bubbles: true})); `+
			`return true; })()`, field, to))
	}
	logarithmic := `JSON.parse(document.querySelector("#plot-loss").dataset.values).axes.y.log`
	lines := `JSON.parse(document.querySelector("#plot-loss").dataset.values).lines.length`
	if !value[bool](t, tab, logarithmic) || value[int](t, tab, lines) != 2 {
		t.Error("at first it is not smoothed, or not logarithmic")
	}
	set("smooth", "0")
	eventually(t, tab, lines+` === 1 && location.search.includes("smooth=0")`, soon)
	set("y", "linear")
	eventually(t, tab, "!"+logarithmic+` && location.search.includes("y=linear")`, soon)
	value[bool](t, tab, `history.back(), true`)
	eventually(t, tab, logarithmic+" && "+lines+" === 1", soon)
}

func TestGridsOverTimeAndTheMatrix(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("#lapse [data-frame]"))
	visible := `[...document.querySelectorAll("#lapse .frames li")].filter((f) => f.offsetParent).map((f) => ` +
		`f.querySelector("p").textContent.match(/step (\d+),/)[1]).join()`
	if got := value[string](t, tab, visible); got != "60" {
		t.Errorf("at first the grids of %s are shown", got)
	}
	slide := func(to int) {
		value[bool](t, tab, fmt.Sprintf(`(() => { const s = document.querySelector("[data-frame]"); s.value = %d; `+
			`s.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, to))
	}
	slide(0)
	if got := value[string](t, tab, visible); got != "20" ||
		!value[bool](t, tab, `document.querySelector("#grids").hasAttribute("data-held")`) {
		t.Errorf("the first is %s", got)
	}
	slide(2)
	if got := value[string](t, tab, visible); got != "60" ||
		value[bool](t, tab, `document.querySelector("#grids").hasAttribute("data-held")`) {
		t.Errorf("the last is %s", got)
	}
	value[bool](t, tab, `document.querySelector("[data-play]").click(), true`)
	eventually(t, tab, visible+` === "40"`, 3*time.Second)
	eventually(t, tab, visible+` === "60" && document.querySelector("[data-play]").textContent === "Play"`, 3*time.Second)

	value[bool](t, tab, `document.querySelector(".matrix a").click(), true`)
	caption := `document.querySelector("#viewer p").textContent`
	eventually(t, tab, `document.querySelector("#viewer").open && document.querySelector("#viewer img").naturalWidth === 28`, 3*time.Second)
	for _, c := range []struct{ key, want string }{{"", "euler, 1 step,"}, {"ArrowRight", "euler, 10 steps,"}, {"ArrowRight", "heun, 1 step,"},
		{"ArrowLeft", "euler, 10 steps,"}} {
		if c.key != "" {
			value[bool](t, tab, `document.querySelector("#viewer").dispatchEvent(new KeyboardEvent("keydown", {key: "`+c.key+`", `+
				`bubbles: true})), true`)
		}
		if got := value[string](t, tab, caption); !strings.HasPrefix(got, c.want) {
			t.Errorf("after %q the viewer shows %q", c.key, got)
		}
	}
}

func TestALongDiffIsLoadedWhenItIsOpened(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ResolvedYAML: "{}",
		Environment: map[string]any{"git": map[string]any{"commit": "abc", "dirty": true, "diff": strings.Repeat("+<b>line</b>\n", 500)}}})
	check(t, err)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("h1"))
	if value[int](t, tab, `document.querySelectorAll("#diff .added").length`) != 0 {
		t.Error("the page has the diff already")
	}
	eventually(t, tab, `document.documentElement.classList.contains("scripted")`, 3*time.Second)
	value[bool](t, tab, `document.querySelector("#diff summary").click(), true`)
	eventually(t, tab, `document.querySelectorAll("#diff .added").length === 500 && document.querySelector("#diff `+
		`.added").textContent.includes("<b>")`, 3*time.Second)
}

func TestThePageOfARunFitsAPhone(t *testing.T) {
	st := newStore(t)
	run := richRun(t, st, "rich", 2)
	tab := browser(t, 400, 800)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	if width := value[int](t, tab, "document.documentElement.scrollWidth"); width > 400 {
		t.Errorf("the page is %d pixels wide", width)
	}
	// The texts of a plot as they are seen, in pixels.
	if size := value[float64](t, tab, `(() => { const s = document.querySelector("#plot-loss svg"); `+
		`return parseFloat(getComputedStyle(s.querySelector(".tick")).fontSize) * s.getBoundingClientRect().width / s.viewBox.baseVal.width; `+
		`})()`); size < 9.5 {
		t.Errorf("ticks are %.1f pixels high", size)
	}
	if cut := value[bool](t, tab, `[...document.querySelectorAll(".plot svg")].some((s) => [...s.querySelectorAll(".tick")].some((x) => `+
		`x.getBoundingClientRect().left < s.getBoundingClientRect().left - 1))`); cut {
		t.Error("a tick is cut off")
	}
}

func TestTagsAndNotesAreEditedOnThePage(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "plain", 1, 3)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("h1"))
	value[bool](t, tab, `document.querySelector(".run-edit").open = true`)
	for field, text := range map[string]string{"tags": "good, first", "notes": "worth <b>keeping</b>"} {
		value[bool](t, tab, fmt.Sprintf(`(() => { const f = document.querySelector(".run-edit [name=%s]"); f.value = %q; `+
			`f.form.requestSubmit(); return true; })()`, field, text))
	}
	eventually(t, tab, `[...document.querySelectorAll("#facts .tag")].map((x) => `+
		`x.textContent).join() === "first,good" && document.querySelector("#facts .run-notes").textContent === "worth <b>keeping</b>"`, soon)
	now, err := st.Run(t.Context(), run.ID)
	if err != nil || now.Notes != "worth <b>keeping</b>" || strings.Join(now.Tags, " ") != "first good" {
		t.Errorf("the store has %v, %q (%v)", now.Tags, now.Notes, err)
	}
}

func TestAnOpenListStaysAsItWasWhenThePageIsShownAgain(t *testing.T) {
	st := newStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "live", ResolvedYAML: "{}", Environment: map[string]any{}})
	check(t, err)
	w, err := st.OpenWriter(t.Context(), run.ID)
	check(t, err)
	recordStep := func(step int) {
		for i := range 40 {
			w.Point(fmt.Sprintf("a/series_%02d", i), step, float64(step))
		}
		w.Progress(step, 10)
		w.Log("info", fmt.Sprintf("line of step %d", step))
		check(t, w.Flush(t.Context()))
	}
	recordStep(1)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("h1"))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
	value[bool](t, tab, `document.querySelector("#series-list summary").click(), true`)
	value[bool](t, tab, `document.getElementById("series-scroll").scrollTo(0, 300), `+
		`document.getElementById("pick-a/series_20").focus({preventScroll: true}), true`)
	time.Sleep(100 * time.Millisecond) // the event of scrolling
	recordStep(2)
	eventually(t, tab, `document.getElementById("pick-a/series_20").closest("tr").textContent.includes("2")`, soon)
	eventually(t, tab, `document.querySelector(".log-lines").textContent.includes("step 2")`, soon)
	if got := value[string](t, tab, `[document.getElementById("series-list").open, document.getElementById("series-scroll").scrollTop, `+
		`document.activeElement.id].join(" ")`); got != "true 300 pick-a/series_20" {
		t.Errorf("the list is open, scrolled and with the focus as %s", got)
	}
	check(t, w.Finish(t.Context(), record.StatusFinished, ""))
}

func TestTheKeyboardZooms(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "plain", 1, 100)
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(serve(t, web.Options{Store: st})+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	press := func(key string) {
		value[bool](t, tab, `document.getElementById("canvas-loss").focus(), document.activeElement.dispatchEvent(new KeyboardEvent("keydown", `+
			`{key: "`+key+`", bubbles: true, cancelable: true})), true`)
	}
	press("End")
	press("+")
	eventually(t, tab, `/zoom=7\d-1\d\d/.test(location.search) && document.activeElement.id === "canvas-loss"`, soon)
	press("0")
	eventually(t, tab, `!location.search.includes("zoom")`, soon)
}

// liveConfig is small enough for a test and long enough to be watched.
const liveConfig = `
name: watched
backend: {name: go}
data: {name: digits, limit: 32}
model:
  block_out_channels: [4, 4]
  layers_per_block: 1
  down_block_types: [DownBlock2D, DownBlock2D]
  up_block_types: [UpBlock2D, UpBlock2D]
  norm_num_groups: 2
  attention_head_dim: 4
train: {batch_size: 2, steps: 60}
sampling: {samplers: [euler], steps: [1, 2], guidance: [1], rows: 1, at_epochs: [1, 2]}
metrics: {validation_images: 4}
checkpoint: {every_epochs: 0}
`

func TestATrainingRunIsFollowed(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	c, err := config.Parse("watched.yaml", []byte(liveConfig), nil)
	check(t, err)
	path := filepath.Join(t.TempDir(), "harness.db")
	st, err := store.Open(t.Context(), path)
	check(t, err)
	t.Cleanup(func() { st.Close() })
	started, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		_, err := experiment.Start(context.Background(), c, experiment.Options{StorePath: path, Argv: []string{"harness", "run", "watched.yaml"},
			Started: func(s experiment.Started) { started <- s.Run.Slug }})
		ended <- err
	}()
	address := serve(t, web.Options{Store: st})
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(address+"/runs/"+<-started), chromedp.WaitVisible("#status"))
	// Points come into the plot, and grids to the slider, without the page being loaded again.
	value[bool](t, tab, `(window.stayed = true)`)
	points := `(JSON.parse(document.querySelector("#plot-loss")?.dataset.values ?? "{}").lines?.[0].y.length ?? 0)`
	eventually(t, tab, points+" >= 2", 30*time.Second)
	n := value[int](t, tab, points)
	eventually(t, tab, fmt.Sprintf("%s > %d", points, n), 10*time.Second)
	eventually(t, tab, `document.querySelectorAll("#lapse .frames li").length >= 1`, 30*time.Second)
	check(t, <-ended)
	eventually(t, tab, points+` === 60 && document.querySelector("#status .status").textContent === "finished"`, 10*time.Second)
	eventually(t, tab, `document.querySelectorAll("#lapse .frames li").length >= 3 && document.querySelectorAll(".matrix a").length === 2 `+
		`&& document.querySelectorAll(".log-lines li").length > 3`, 10*time.Second)
	eventually(t, tab, `document.querySelectorAll(".strip rect").length > 5`, soon)
	if !value[bool](t, tab, `window.stayed && document.querySelector("#phases").textContent.includes("step")`) {
		t.Error("the page was loaded again, or has no phases")
	}
}
