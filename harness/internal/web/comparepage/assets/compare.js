// The page that compares runs: one slider for all grids, and two of them over
// each other.
import { onRefresh } from "./live.js";

const state = { at: null, mode: "side", a: 0, b: 1, split: 50, blinking: false, playing: 0 };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const frames = () => [...document.querySelectorAll("#grid-frames .grid-frame")];

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== false) e.setAttribute(key, value === true ? "" : value);
  e.append(...children);
  return e;
}

function button(text, act, pressed) {
  const b = element("button", { type: "button" }, text);
  if (pressed !== undefined) b.setAttribute("aria-pressed", pressed);
  b.addEventListener("click", act);
  return b;
}

// The controls are made once for a number of frames and of runs; what they show
// is set by show.
function controls() {
  const box = document.getElementById("grid-controls"), list = frames();
  if (!box) return;
  const names = [...(list[0]?.querySelectorAll(".grid-cell") ?? [])].map((c) => c.querySelector("figcaption").textContent.trim());
  const key = JSON.stringify([list.length, names]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren();
  box.hidden = !list.length;
  if (list.length > 1) {
    const range = element("input", { type: "range", min: 0, max: list.length - 1, step: 1, id: "grid-at", "aria-label": "step of training" });
    range.addEventListener("input", () => { stop(); state.at = Number(range.value); show(); });
    const play = button("Play", () => { state.playing ? stop() : start(); show(); });
    play.id = "grid-play";
    box.append(element("span", { class: "at" }, play, range, element("output", { for: "grid-at", id: "grid-step" })));
  }
  if (names.length > 1) {
    const modes = element("span", { class: "modes", role: "group", "aria-label": "how grids are shown" });
    for (const [mode, text] of [["side", "Side by side"], ["swipe", "Swipe"], ["blink", "Blink"]]) {
      const b = button(text, () => { state.mode = mode; state.blinking = mode === "blink" && !still.matches; show(); });
      b.dataset.mode = mode;
      modes.append(b);
    }
    box.append(modes);
    const pair = element("span", { class: "pair", id: "grid-pair-choice" });
    for (const which of ["a", "b"]) {
      const select = element("select", { "aria-label": which === "a" ? "first run" : "second run", "data-which": which });
      names.forEach((name, i) => select.append(element("option", { value: i }, name)));
      select.addEventListener("change", () => { state[which] = Number(select.value); show(); });
      pair.append(select, " ");
    }
    const blink = button("", () => { state.blinking = !state.blinking; show(); }, false);
    blink.id = "grid-blink";
    pair.append(blink);
    box.append(pair);
  }
}

function start() {
  const last = frames().length - 1;
  if (state.at >= last) state.at = 0;
  state.playing = setInterval(() => {
    if (state.at >= frames().length - 1) stop(); else state.at++;
    show();
  }, 500);
}

function stop() {
  clearInterval(state.playing);
  state.playing = 0;
}

// show brings the frames into line with the state, also after they were replaced.
function show() {
  const list = frames(), box = document.getElementById("grid-controls");
  if (!box || !list.length) return;
  controls();
  const last = list.length - 1;
  const at = state.at === null ? last : Math.min(state.at, last);
  document.getElementById("grid-frames").classList.add("single");
  list.forEach((frame, i) => { frame.hidden = i !== at; });
  const range = document.getElementById("grid-at");
  if (range) {
    range.value = at;
    range.setAttribute("aria-valuetext", "step " + list[at].dataset.at);
    document.getElementById("grid-step").textContent = list[at].querySelector("h3").textContent;
    document.getElementById("grid-play").textContent = state.playing ? "Pause" : "Play";
  }
  for (const b of box.querySelectorAll("[data-mode]")) b.setAttribute("aria-pressed", b.dataset.mode === state.mode);
  const choice = document.getElementById("grid-pair-choice");
  if (choice) {
    choice.hidden = state.mode === "side";
    for (const select of choice.querySelectorAll("select")) select.value = state[select.dataset.which];
    const blink = document.getElementById("grid-blink");
    blink.hidden = state.mode !== "blink";
    blink.textContent = state.blinking ? "Stop blinking" : "Start blinking";
    blink.setAttribute("aria-pressed", state.blinking);
  }
  pair(list[at]);
}

let blinker = 0;

// pair puts two grids of the frame over each other, in the place of all.
function pair(frame) {
  clearInterval(blinker);
  blinker = 0;
  const row = frame.querySelector(".grid-row"), cells = [...row.querySelectorAll(".grid-cell")];
  const old = document.getElementById("grid-pair");
  row.hidden = state.mode !== "side";
  if (state.mode === "side") { old?.remove(); return; }
  const [a, b] = [cells[state.a], cells[state.b]].map((cell) => cell?.querySelector("img.picture"));
  const nameOf = (i) => cells[i]?.querySelector("figcaption").textContent.trim() ?? "";
  const held = document.activeElement?.id === "grid-split";
  const box = element("div", { class: "grid-pair", id: "grid-pair" });
  if (!a || !b) {
    box.append(element("p", { class: "muted" }, "One of the two has drawn no grid by this step."));
  } else {
    const under = element("img", { src: a.src, alt: a.alt }), over = element("img", { class: "over", src: b.src, alt: b.alt });
    const stack = element("div", { class: "stack" }, under, over);
    const first = element("span", {}, nameOf(state.a)), second = element("span", {}, nameOf(state.b));
    box.append(stack);
    if (state.mode === "swipe") {
      const divider = element("span", { class: "divider" });
      stack.append(divider);
      const range = element("input", { type: "range", id: "grid-split", min: 0, max: 100, step: 1, "aria-label": "divider between the two runs" });
      const place = () => {
        over.style.clipPath = `inset(0 0 0 ${state.split}%)`;
        divider.style.left = state.split + "%";
        range.value = state.split;
        range.setAttribute("aria-valuetext", `${state.split} % of the first`);
      };
      range.addEventListener("input", () => { state.split = Number(range.value); place(); });
      const move = (event) => {
        const bounds = stack.getBoundingClientRect();
        state.split = Math.round(Math.min(Math.max((event.clientX - bounds.left) / bounds.width, 0), 1) * 100);
        place();
      };
      stack.addEventListener("pointerdown", (event) => { event.preventDefault(); stack.setPointerCapture(event.pointerId); move(event); });
      stack.addEventListener("pointermove", (event) => { if (stack.hasPointerCapture(event.pointerId)) move(event); });
      box.append(range);
      place();
    } else {
      let other = false;
      const turn = () => {
        over.hidden = !other;
        first.className = other ? "" : "seen";
        second.className = other ? "seen" : "";
      };
      turn();
      stack.addEventListener("click", () => { other = !other; turn(); });
      if (state.blinking) blinker = setInterval(() => { other = !other; turn(); }, 700);
    }
    box.append(element("div", { class: "names" }, first, second));
  }
  document.getElementById("grid-pair-place").replaceChildren(box);
  if (held) document.getElementById("grid-split")?.focus({ preventScroll: true });
}

function refreshed() {
  for (const b of document.querySelectorAll("#compare-result [data-copy-of]")) b.hidden = false;
  if (!document.getElementById("grid-controls")) return;
  if (frames().length) return show();
  stop();
  document.getElementById("grid-controls").hidden = true;
  document.getElementById("grid-pair-place").replaceChildren();
}

function startCompare() {
  onRefresh(refreshed);
  refreshed();
}

startCompare();
