package web_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// shown opens the table of runs in a browser.
func shown(t *testing.T, st *store.Store, query string, width int) (tab context.Context, address string) {
	t.Helper()
	address = serve(t, web.Options{Store: st})
	tab = browser(t, width, 900)
	do(t, tab, chromedp.Navigate(address+"/"+query), chromedp.WaitVisible("#runs"))
	eventually(t, tab, `document.getElementById("link").dataset.state === "live"`, soon)
	return tab, address
}

// press types keys where the focus is.
func press(t *testing.T, tab context.Context, keys string) {
	t.Helper()
	do(t, tab, chromedp.KeyEvent(keys))
}

const rowCount = `document.querySelectorAll("#runs [data-row]").length`

func TestTypingSearches(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	tab, address := shown(t, st, "?sort=loss", 1280)
	press(t, tab, "/")
	eventually(t, tab, `document.activeElement.id === "runs-search"`, soon)
	value[any](t, tab, `document.activeElement.value = ""`) // a browser that is driven types the slash all the same
	press(t, tab, "ddpm")
	eventually(t, tab, rowCount+` === 2 && document.activeElement.id === "runs-search"`, soon)
	if got := value[string](t, tab, `location.href`); got != address+"/?sort=loss&q=ddpm" && got != address+"/?q=ddpm&sort=loss" {
		t.Errorf("the address is %s", got)
	}
	// A condition is added to what is there, and what is wrong with one is said.
	do(t, tab, chromedp.Focus("#runs-where"))
	press(t, tab, "los<1"+kb.Enter)
	eventually(t, tab, `document.getElementById("toast").textContent.includes("no run has a column \"los\"; did you mean loss")`, soon)
	if got := value[string](t, tab, `document.getElementById("runs-where").value + location.search`); got != "los<1?sort=loss&q=ddpm" &&
		got != "los<1?q=ddpm&sort=loss" {
		t.Errorf("after a condition was refused: %s", got)
	}
	do(t, tab, chromedp.SetValue("#runs-where", "loss<1"))
	press(t, tab, kb.Enter)
	eventually(t, tab, rowCount+` === 1 && document.getElementById("runs-where").value === ""`, soon)
	do(t, tab, chromedp.Click(".chip:nth-child(2) a"))
	eventually(t, tab, `document.querySelectorAll(".chip").length === 1`, soon)
	value[any](t, tab, `history.back()`)
	eventually(t, tab, `document.querySelectorAll(".chip").length === 2`, soon)
}

func TestWhatIsSelectedStaysSoAndIsCompared(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	tab, address := shown(t, st, "?sel=no-run-1", 1280)
	if value[bool](t, tab, `document.querySelector("[data-picked]").checkVisibility() || location.search !== ""`) {
		t.Error("nothing that is there is selected, and the bar is shown")
	}
	press(t, tab, "jxjjx") // rows 1 and 3
	eventually(t, tab, `document.querySelector("[data-picked-count]").textContent === "2 selected"`, soon)
	want := "sel=" + runs[4].Slug + "," + runs[2].Slug
	if got := value[string](t, tab, `location.search`); got != "?"+want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	// A live refresh, another order and a reload keep it.
	addRuns(t, st, newRun{name: "later", process: "ddpm"})
	const kept = `document.querySelectorAll("[data-pick]:checked").length === 2 && document.querySelectorAll("tr.selected").length === 2`
	eventually(t, tab, rowCount+` === 6 && `+kept, soon)
	if got := value[string](t, tab, `document.activeElement.textContent + " " + document.querySelector("tr.current `+
		`a").textContent`); got != runs[2].Slug+" "+runs[2].Slug {
		t.Errorf("after a refresh the keyboard is at %q", got)
	}
	do(t, tab, chromedp.Click("#sort-loss"))
	eventually(t, tab, `location.search.includes("sort=loss") && location.search.includes("`+want+`") && `+kept, soon)
	do(t, tab, chromedp.Navigate(value[string](t, tab, `location.href`)))
	eventually(t, tab, kept, soon)
	press(t, tab, "c")
	eventually(t, tab, `location.pathname === "/compare"`, soon)
	if got := value[string](t, tab, `location.href`); got != address+"/compare?run="+runs[4].Slug+"&run="+runs[2].Slug {
		t.Errorf("compared is %s", got)
	}
}

func TestGroupsAreOpenedSelectedAndNarrowedDownByKeys(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, tableOfRuns...)
	tab, _ := shown(t, st, "?group=seed", 1280)
	press(t, tab, "j"+kb.Enter) // ddpm
	eventually(t, tab, rowCount+` === 5 && document.querySelector("tr.group a").getAttribute("aria-expanded") === "true"`, soon)
	press(t, tab, "x")
	eventually(t, tab, `document.querySelectorAll("tr.inner [data-pick]:checked").length === 2`, soon)
	if got, want := value[string](t, tab, `new URLSearchParams(location.search).get("sel")`), runs[4].Slug+","+runs[3].Slug; got != want {
		t.Errorf("selected are %s, want %s", got, want)
	}
	press(t, tab, "jx") // without the first of them
	eventually(t, tab, `document.querySelector("tr.group [data-pick]").indeterminate`, soon)
	do(t, tab, chromedp.Click("tr.group td.number a"))
	eventually(t, tab, rowCount+` === 2 && document.querySelector(".chip").textContent.includes("but for the seed")`, soon)
	press(t, tab, "k"+kb.Enter)
	eventually(t, tab, `location.pathname.startsWith("/runs/")`, soon)
}

func TestColumnsAreChosenAndMoved(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	tab, _ := shown(t, st, "?cols=run,loss", 1280)
	const heads = `[...document.querySelectorAll("#runs thead a")].map(a => a.id.slice(5)).join()`
	do(t, tab, chromedp.Click("#runs-columns summary"), chromedp.Click("#col-accuracy"))
	eventually(t, tab, heads+` === "run,loss,accuracy"`, soon)
	do(t, tab, chromedp.Click("#runs-add-column"))
	press(t, tab, "train.lr"+kb.Enter)
	eventually(t, tab, heads+` === "run,loss,accuracy,train.lr" && document.getElementById("runs-columns").open`, soon)
	do(t, tab, chromedp.Click(".column:nth-of-type(4) a"))
	eventually(t, tab, heads+` === "run,loss,train.lr,accuracy"`, soon)
	do(t, tab, chromedp.Click("#col-loss"))
	eventually(t, tab, heads+` === "run,train.lr,accuracy" && !location.search.includes("loss")`, soon)
}

func TestTagsAreTypedInPlaceWhileARunTrains(t *testing.T) {
	st := newStore(t)
	runs := addRuns(t, st, newRun{name: "done", process: "ddpm", tags: []string{"old"}},
		newRun{name: "live", process: "ddpm", status: record.StatusRunning})
	w, err := st.OpenWriter(t.Context(), runs[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	train := func(step int) {
		t.Helper()
		w.Point("train/loss", step, 1)
		w.Progress(step, 1000)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	train(2)
	tab, _ := shown(t, st, "", 1280)
	editor := "#tags-" + runs[0].ID
	do(t, tab, chromedp.Click(editor+" summary"))
	eventually(t, tab, `document.activeElement.name === "tags"`, soon)
	press(t, tab, ", ne")
	state := value[string](t, tab, `document.querySelector("meta[name=state]").content`)
	train(3)
	eventually(t, tab, fmt.Sprintf(`document.querySelector("meta[name=state]").content !== %q`, state), soon)
	press(t, tab, "w")
	if got := value[string](t, tab, `document.activeElement.value`); got != "old, new" {
		t.Fatalf("what was typed is %q", got)
	}
	press(t, tab, kb.Enter)
	eventually(t, tab, fmt.Sprintf(`[...document.querySelectorAll("%s .tag")].map(e => `+
		`e.textContent).join() === "new,old" && !document.querySelector("%s").open`, editor, editor), soon)

	// Esc leaves everything as it was.
	do(t, tab, chromedp.Click(editor+" summary"))
	eventually(t, tab, `document.activeElement.name === "tags"`, soon)
	press(t, tab, "x"+kb.Escape)
	eventually(t, tab, fmt.Sprintf(`!document.querySelector("%s").open`, editor), soon)

	// Notes too; a run that trains does not close what is open.
	notes := "#notes-" + runs[0].ID
	do(t, tab, chromedp.Click(notes+" summary"))
	eventually(t, tab, `document.activeElement.name === "notes"`, soon)
	press(t, tab, "a thought")
	value[any](t, tab, `document.activeElement.blur()`)
	train(4)
	eventually(t, tab, `document.querySelector("#run-`+runs[1].ID+` [data-label=Step]").textContent.startsWith("4 ")`, soon)
	if got := value[string](t, tab, `document.querySelector("`+notes+`[open] textarea").value`); got != "a thought" {
		t.Fatalf("what was typed is %q", got)
	}
	do(t, tab, chromedp.Focus(notes+" textarea"))
	press(t, tab, kb.Enter)
	eventually(t, tab, `document.querySelector("`+notes+` summary").textContent === "a thought"`, soon)
	run, err := st.Run(t.Context(), runs[0].ID)
	if err != nil || run.Notes != "a thought" || len(run.Tags) != 2 {
		t.Errorf("recorded are %v, %q %q", err, run.Notes, run.Tags)
	}
}

func TestDeletingIsUndone(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	tab, _ := shown(t, st, "", 1280)
	for _, test := range []struct{ button, says string }{
		{"[data-undo='/runs/restore']", "2 runs are in the trash."},
		{"[data-undo='/runs/unarchive']", "2 runs are archived."},
	} {
		press(t, tab, "jxjx")
		do(t, tab, chromedp.Click(test.button))
		eventually(t, tab, rowCount+` === 3 && document.getElementById("toast").firstChild.textContent === "`+test.says+`"`, soon)
		do(t, tab, chromedp.Click("#toast button"))
		eventually(t, tab, rowCount+` === 5 && document.getElementById("toast").hidden`, soon)
		do(t, tab, chromedp.Reload())
		eventually(t, tab, rowCount+` === 5`, soon)
	}

	// For good, from the trash.
	press(t, tab, "jx")
	do(t, tab, chromedp.Click("[data-undo='/runs/restore']"))
	eventually(t, tab, rowCount+` === 4`, soon)
	do(t, tab, chromedp.Click(".shelves a:last-of-type"))
	eventually(t, tab, rowCount+` === 1 && document.title !== ""`, soon)
	do(t, tab, chromedp.Click("[data-pick]"), chromedp.Click("#runs-delete summary"), chromedp.WaitVisible("[data-delete]"),
		chromedp.Click("[data-delete]"))
	eventually(t, tab, `!!document.querySelector(".nothing")?.textContent.includes("The trash is empty")`, soon)
	all, err := st.ListRuns(t.Context(), store.Filter{Shelf: store.ShelfAll})
	if err != nil || len(all) != 4 {
		t.Errorf("%d runs are left: %v", len(all), err)
	}
}

func TestALiveRunThatIsToBeDeletedIsRefusedInWords(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, newRun{name: "live", process: "ddpm", status: record.StatusRunning})
	tab, _ := shown(t, st, "", 1280)
	press(t, tab, "jx")
	do(t, tab, chromedp.Click("[data-undo='/runs/restore']"))
	eventually(t, tab, `document.getElementById("toast").textContent.includes("stop process")`, soon)
	if n := value[int](t, tab, `document.querySelectorAll("[data-pick]:checked").length`); n != 1 {
		t.Errorf("%d runs are selected after that", n)
	}
}

func TestTheTableFitsANarrowScreen(t *testing.T) {
	st := newStore(t)
	list := append([]newRun{{name: "a_name_that_is_much_longer_than_the_screen_is_wide_and_has_no_place_to_break", process: "ddpm",
		tags:  []string{"one", "two", "three", "and a fourth", "baseline"},
		notes: "notes that go on for longer than a line of a narrow screen", accuracy: 0.5}}, tableOfRuns...)
	addRuns(t, st, list...)
	tab, address := shown(t, st, "", 400)
	const width = `document.documentElement.scrollWidth`
	for _, query := range []string{"", "?group=seed", "?where=process.name%3Dddpm&status=finished", "?status=crashed",
		"?cols=run,train.lr,process.name,accuracy"} {
		do(t, tab, chromedp.Navigate(address+"/"+query), chromedp.WaitVisible("#runs-list"))
		if got := value[int](t, tab, width); got > 400 {
			t.Errorf("%q is %d wide", query, got)
		}
		value[any](t, tab, `document.querySelectorAll("details").forEach(d => d.open = true); `+
			`document.querySelectorAll("[data-pick]").forEach(b => b.click())`)
		if got := value[int](t, tab, width); got > 400 {
			t.Errorf("%q with everything open is %d wide", query, got)
		}
		if hidden := value[bool](t, tab, `[...document.querySelectorAll("#runs-list")].some(e => e.parentElement.scrollWidth > `+
			`e.parentElement.clientWidth)`); hidden {
			t.Errorf("%q: the table scrolls sideways", query)
		}
	}
}

// A page that takes long to come must not be lost to a live update that is asked for
// meanwhile.
func TestAnUpdateDoesNotUndoAClick(t *testing.T) {
	st := newStore(t)
	addRuns(t, st, tableOfRuns...)
	tab, _ := shown(t, st, "", 1280)
	value[any](t, tab, `{ const real = fetch; window.fetch = async (...given) => {
		const answer = await real(...given);
		await new Promise((resolve, reject) => {
			setTimeout(resolve, 1500);
			given[1]?.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
		});
		return answer;
	}; }`)
	do(t, tab, chromedp.Click("#sort-loss"))
	addRuns(t, st, newRun{name: "later", process: "ddpm"})
	eventually(t, tab, `location.search.includes("sort=loss")`, soon)
	eventually(t, tab, rowCount+` === 6`, soon)
}
