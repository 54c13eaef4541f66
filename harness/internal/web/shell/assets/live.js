// Keeps the page up to date. The server says when what the page shows has a new
// state; the page is asked for again, and its elements with an id and data-live
// are replaced.

const meta = (name) => document.querySelector(`meta[name=${name}]`);

// What stands before the addresses of all pages, behind a proxy.
export const base = meta("base").content;

// An element in which somebody is typing is left alone.
function busy(element) {
  const active = document.activeElement;
  return element.matches("[data-held]") || (active && element.contains(active) && active.matches("input:not([type=checkbox]), textarea, select"));
}

// Listeners are told after parts of the page were replaced.
const listeners = [];
export function onRefresh(listener) { listeners.push(listener); }

// While a button of the pointer is down the page stays as it is: what is being
// clicked must still be there when it is let go.
let released = Promise.resolve();
addEventListener("pointerdown", () => {
  released = new Promise((resolve) => {
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => setTimeout(resolve), { once: true, capture: true });
  });
}, { capture: true });

let running = null, settled = Promise.resolve();

// refresh shows the page at an address without leaving this one. push says
// whether the address becomes an entry of the history ("push"), takes the place
// of this one ("replace"), or is the one we are at. It says whether the page was
// shown; one that is refused leaves the address as it is.
export function refresh(address = location.href, push = "") {
  if (running) running.abort();
  running = new AbortController();
  return settled = ask(running, address, push);
}

async function ask(mine, address, push) {
  try {
    const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
    const text = await answer.text();
    await released;
    if (mine.signal.aborted) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    if (answer.status === 503) {
      say("not reached");
      return false;
    }
    if (!answer.ok) {
      toast(page.querySelector(".problem")?.textContent ?? answer.statusText);
      return false;
    }
    if (push === "push") history.pushState(null, "", address);
    if (push === "replace") history.replaceState(null, "", address);
    show(page);
    return true;
  } catch (error) {
    if (error.name !== "AbortError") say("not reached");
  } finally {
    if (running === mine) running = null;
  }
}

// carry takes over what the reader has opened, closed and typed.
function carry(old, now) {
  for (const details of old.querySelectorAll("details[id]")) {
    const same = now.querySelector("#" + CSS.escape(details.id));
    if (same) same.open = details.open;
  }
  for (const field of old.querySelectorAll("input[type=text][id], textarea[id]")) {
    const same = field.value !== field.defaultValue && now.querySelector("#" + CSS.escape(field.id));
    if (same) same.value = field.value;
  }
}

function show(page) {
  const focused = document.activeElement?.id;
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const now = page.getElementById(old.id);
    if (now) carry(old, now);
    if (now && !busy(old) && old.outerHTML !== now.outerHTML) old.replaceWith(document.adoptNode(now));
  }
  document.title = page.title;
  for (const name of ["topic", "state"]) meta(name).content = page.querySelector(`meta[name=${name}]`)?.content ?? "";
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
  listeners.forEach((listener) => listener());
}

function say(text) {
  const link = document.getElementById("link");
  if (link.textContent !== text) link.textContent = text;
  link.dataset.state = text;
}

let toastTimer;
// toast shows a line for a while, with a button if there is something to do.
export function toast(text, label, act) {
  const box = document.getElementById("toast");
  box.replaceChildren(text);
  if (label) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => { box.hidden = true; act(); });
    box.append(button);
  }
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, label ? 15000 : 6000);
}

// Time between two refreshes, so that a run of many steps a second does not keep
// the browser busy.
const pause = 400;
let next = 0, waiting = null, newest = "";

function changed(state) {
  newest = state;
  if (state === meta("state").content || waiting || document.hidden) return;
  waiting = setTimeout(async () => {
    while (running) await settled; // what the reader has asked for comes first, and may be as new
    const wanted = newest;
    if (wanted !== meta("state").content) await refresh();
    next = Date.now() + pause;
    waiting = null;
    if (newest !== wanted) changed(newest); // which the page may have been asked for too early to show
  }, Math.max(0, next - Date.now()));
}

export function startLive() {
  let source = null, topic = "", heard = Date.now();
  const connect = () => {
    source?.close();
    topic = meta("topic").content;
    if (!topic) return;
    heard = Date.now();
    source = new EventSource(base + "/live?topic=" + encodeURIComponent(topic));
    source.addEventListener("open", () => say("live"));
    source.addEventListener("state", (event) => { heard = Date.now(); say("live"); changed(event.data); });
    source.addEventListener("ping", () => { heard = Date.now(); });
    source.addEventListener("error", () => say("reconnecting"));
  };
  connect();
  // A connection can be dead without either end knowing, as after a sleep.
  setInterval(() => { if (topic && Date.now() - heard > 40000 || source?.readyState === 2) connect(); }, 2000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && topic) connect(); });
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  addEventListener("popstate", () => refresh());
  onRefresh(() => { if (meta("topic").content !== topic) connect(); });
}
