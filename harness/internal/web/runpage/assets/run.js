// The page of a run: grids over time, the viewer of grids, copying, and lists and
// the log, which stay where they were scrolled to when the page is shown again.
import { onRefresh, toast } from "./live.js";

// Grids over the course of training. While the last one is shown, new ones are
// shown as they come; else the part is held, so that it stays where it is.
function frameAt(lapse, index) {
  const frames = [...lapse.querySelectorAll(".frames li")], last = frames.length - 1;
  frames.forEach((frame, i) => frame.toggleAttribute("data-shown", i === index && index !== last));
  lapse.toggleAttribute("data-early", index !== last);
  lapse.closest("[data-live]").toggleAttribute("data-held", index !== last);
  const slider = lapse.querySelector("[data-frame]");
  if (Number(slider.value) !== index) slider.value = index;
  slider.setAttribute("aria-valuetext", frames[index].querySelector("p").textContent);
}

let playing = null;
function play(lapse, button) {
  const stop = () => {
    clearInterval(playing);
    playing = null;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  if (playing) return stop();
  const slider = lapse.querySelector("[data-frame]");
  preload(lapse);
  if (Number(slider.value) === Number(slider.max)) frameAt(lapse, 0);
  button.textContent = "Pause";
  button.setAttribute("aria-pressed", "true");
  playing = setInterval(() => {
    const next = Number(slider.value) + 1;
    if (!lapse.isConnected || next > Number(slider.max)) return stop();
    frameAt(lapse, next);
    if (next === Number(slider.max)) stop();
  }, 500);
}

function preload(lapse) {
  for (const image of lapse.querySelectorAll(".frames img")) new Image().src = image.src;
}

// The viewer goes through the pictures of one list.
let viewed = null;
function view(link) {
  const viewer = document.getElementById("viewer"), image = viewer.querySelector("img");
  viewed = link;
  image.src = link.href;
  image.alt = link.querySelector("img").alt;
  viewer.querySelector("p").textContent = link.dataset.caption;
  if (!viewer.open) viewer.showModal();
}
function step(by) {
  const links = [...document.querySelectorAll(`[data-picture="${viewed.dataset.picture}"]`)];
  const at = links.findIndex((link) => link.href === viewed.href && link.dataset.caption === viewed.dataset.caption);
  view(links[(Math.max(at, 0) + by + links.length) % links.length]);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not let this page copy; select the text instead.");
  }
}

// A long diff is asked for when somebody opens it.
async function load(details) {
  const address = details.dataset.load;
  delete details.dataset.load;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const lines = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("diff-lines");
    if (!answer.ok || !lines) throw new Error();
    details.querySelector("p").replaceWith(document.adoptNode(lines));
  } catch {
    details.dataset.load = address;
  }
}

// The log is kept at its end while it was there.
let atEnd = true;
const logLines = () => document.querySelector(".log-lines");
function follow() {
  const lines = logLines();
  if (lines && atEnd) lines.scrollTop = lines.scrollHeight;
}

const scrolled = new Map(); // how far lists were scrolled, by their ids

function startRun() {
  document.documentElement.classList.add("scripted");
  follow();
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest?.(selector);
    const picture = on("[data-picture]");
    if (picture && !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      view(picture);
    } else if (on("[data-play]")) {
      play(on(".lapse"), on("[data-play]"));
    } else if (on("[data-step]")) {
      step(Number(on("[data-step]").dataset.step));
    } else if (on("[data-copy]")) {
      copy(on("[data-copy]").dataset.copy);
    } else if (on("[data-copy-of]")) {
      copy(document.getElementById(on("[data-copy-of]").dataset.copyOf).textContent);
    } else if (event.target.id === "viewer") {
      event.target.close(); // a click beside the picture
    }
  });
  document.addEventListener("input", (event) => {
    const shows = event.target.dataset.shows;
    if (shows) document.getElementById(shows).textContent = event.target.value;
    if (event.target.matches("[data-frame]")) frameAt(event.target.closest(".lapse"), Number(event.target.value));
  });
  document.addEventListener("pointerover", (event) => { const lapse = event.target.closest?.(".lapse-controls"); if (lapse) preload(lapse.closest(".lapse")); });
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-frame]")) preload(event.target.closest(".lapse")); });
  document.addEventListener("keydown", (event) => {
    if (!document.getElementById("viewer")?.open) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  // These events do not bubble.
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.open && details.dataset.load) load(details);
  }, true);
  document.addEventListener("scroll", (event) => {
    const lines = event.target;
    if (lines === logLines()) atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
    if (lines.matches?.(".scroll[id]")) scrolled.set(lines.id, [lines.scrollLeft, lines.scrollTop]);
  }, true);
  onRefresh(() => {
    for (const [id, [left, top]] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    follow();
  });
}

startRun();
