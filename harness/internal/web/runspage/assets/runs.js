// The table of runs: what is selected, and editing in place.
//
// The address holds what is selected (sel), as it holds everything else. A change
// is written there, and into the links and forms that stand on the page, so that
// none of them forgets it.
import { base, onRefresh, refresh, toast } from "./live.js";
import { send } from "./forms.js";
import { mark } from "./keys.js";

const selected = () => (new URLSearchParams(location.search).get("sel") ?? "").split(",").filter(Boolean);
const slugsOf = (box) => box.value.split(",");
const boxes = () => [...document.querySelectorAll("[data-pick]")];

// withSelection is an address with this selection; commas stay readable.
function withSelection(href, slugs) {
  const address = new URL(href, location.href);
  address.searchParams.delete("sel");
  const rest = address.search.replace(/^\?/, "");
  const sel = slugs.length ? "sel=" + slugs.map(encodeURIComponent).join(",") : "";
  const query = [rest, sel].filter(Boolean).join("&").replaceAll("%2C", ",");
  return address.pathname + (query ? "?" + query : "");
}

function select(slugs) {
  history.replaceState(null, "", withSelection(location.href, slugs));
  show();
}

// show makes the page say what the address says.
function show() {
  const bar = document.getElementById("runs-bar");
  if (!bar) return;
  const gone = (bar.dataset.gone ?? "").split(","), slugs = selected().filter((slug) => !gone.includes(slug));
  if (slugs.length < selected().length) history.replaceState(null, "", withSelection(location.href, slugs));
  const chosen = new Set(slugs);
  for (const box of boxes()) {
    const own = slugsOf(box), n = own.filter((slug) => chosen.has(slug)).length;
    box.checked = n === own.length;
    box.indeterminate = n > 0 && n < own.length;
    box.closest("tr").classList.toggle("selected", box.checked);
  }
  const all = document.querySelector("[data-pick-all]");
  if (all) {
    const n = boxes().filter((box) => box.checked).length;
    all.checked = n > 0 && n === boxes().length;
    all.indeterminate = n > 0 && !all.checked;
  }
  bar.dataset.count = slugs.length;
  bar.querySelector("[data-picked-count]").textContent = `${slugs.length} selected`;
  for (const link of document.querySelectorAll("main a[data-swap]:not([data-unpick])")) {
    if (new URL(link.href).pathname === base + "/" && !link.closest(".shelves")) link.setAttribute("href", withSelection(link.href, slugs));
  }
  for (const form of document.querySelectorAll("main form[data-swap]")) {
    let field = form.querySelector("input[name=sel]");
    if (!field && slugs.length) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "sel" });
      form.append(field);
    }
    if (field) field.value = slugs.join(",");
  }
}

const runs = (n) => n === 1 ? "1 run is" : `${n} runs are`;
const fields = (slugs) => slugs.map((slug) => ["run", slug]);

// act carries out what a button of the selection says, on what is selected
// wherever it is.
async function act(button) {
  const slugs = selected();
  if (!slugs.length) return;
  if (button.matches("[data-compare]")) {
    location.href = base + "/compare?" + new URLSearchParams(fields(slugs));
    return;
  }
  const extra = [];
  if (button.name) extra.push([button.name, button.value]);
  if (button.matches("[data-tag]")) extra.push(["add", button.form.elements.add.value]);
  if (!await send(button.getAttribute("formaction"), [...fields(slugs), ...extra])) return;
  if (button.matches("[data-tag]")) button.form.elements.add.value = "";
  else select([]);
  document.activeElement?.blur();
  refresh();
  if (button.matches("[data-shelve]")) {
    toast(`${runs(slugs.length)} ${button.dataset.shelve}.`, "Undo", async () => {
      if (await send(button.dataset.undo, fields(slugs))) refresh();
    });
  }
}

// An editor is a details element with a form in it.
function leave(editor) {
  editor.querySelector("form").reset();
  editor.removeAttribute("open");
  editor.querySelector("summary").focus();
}

let last = null; // row that was selected last, for a stretch of rows

function startRuns() {
  document.documentElement.classList.add("script");
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) {
      const own = boxes().flatMap(slugsOf);
      select(event.target.checked ? [...new Set([...selected(), ...own])] : selected().filter((slug) => !own.includes(slug)));
    } else if (event.target.matches("[data-pick]")) {
      const own = slugsOf(event.target);
      select(event.target.checked ? [...new Set([...selected(), ...own])] : selected().filter((slug) => !own.includes(slug)));
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picked] button");
    if (button) {
      event.preventDefault();
      act(button);
      return;
    }
    const box = event.target.closest("[data-pick]");
    if (box) {
      const list = boxes(), from = list.findIndex((b) => b.closest("tr").id === last), to = list.indexOf(box);
      if (event.shiftKey && from >= 0) {
        const own = list.slice(Math.min(from, to), Math.max(from, to) + 1).flatMap(slugsOf);
        const kept = selected().filter((slug) => !own.includes(slug));
        queueMicrotask(() => select(box.checked ? [...kept, ...own] : kept));
      }
      last = box.closest("tr").id;
    }
    const summary = event.target.closest("[data-editor] > summary");
    if (summary) setTimeout(() => {
      const editor = document.getElementById(summary.parentElement.id); // it may have been replaced by now
      const field = editor?.querySelector("input[type=text], textarea");
      if (!field || !editor.open) return;
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
    // A menu closes when something else is clicked.
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
  document.addEventListener("keydown", (event) => {
    const editor = event.target.closest?.("[data-editor]");
    if (editor && event.target.matches("input, textarea")) {
      if (event.key === "Escape") leave(editor);
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("textarea")) {
        event.preventDefault();
        event.target.form.requestSubmit();
      }
    } else if (event.key === "Enter" && event.target.matches("[data-picked] input[name=add]")) {
      event.preventDefault();
      act(event.target.form.querySelector("[data-tag]"));
    } else if (event.key === "Escape") {
      const menu = event.target.closest?.("details.menu[open]");
      if (menu) {
        menu.removeAttribute("open");
        menu.querySelector("summary").focus();
      }
    }
  });
  onRefresh(() => {
    const field = document.getElementById("runs-search");
    if (field && field !== document.activeElement) field.value = new URLSearchParams(location.search).get("q") ?? "";
    mark();
    show();
  });
  show();
}

startRuns();
