// The keyboard: rows of a list are elements with data-row.
import { base } from "./live.js";

const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
let current = ""; // id of the row the keyboard is at

function move(by) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((row) => row.id === current);
  const row = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)];
  current = row.id;
  mark();
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("a")?.focus({ preventScroll: true });
}

// mark shows which row the keyboard is at.
export function mark() {
  for (const row of document.querySelectorAll("[data-row]")) row.classList.toggle("current", row.id === current);
}

const currentRow = () => document.getElementById(current);

const actions = {
  "j": () => move(1),
  "k": () => move(-1),
  "x": () => currentRow()?.querySelector("input[type=checkbox]")?.click(),
  "c": () => document.querySelector("[data-compare]")?.click(),
  "/": () => { const field = document.querySelector("[data-search]"); field?.focus(); field?.select(); },
  "?": () => help(),
  "g r": () => { location.href = base + "/"; },
  "g s": () => { location.href = base + "/sweeps"; },
};

function help() {
  const dialog = document.getElementById("keys");
  if (!dialog.open) dialog.showModal();
}

let prefix = "";

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const act = actions[(prefix + " " + event.key).trim()];
    prefix = event.key === "g" && !prefix ? "g" : "";
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-row]");
    if (row) { current = row.id; mark(); }
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-help]")) help(); });
}
