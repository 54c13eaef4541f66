// Plots: the values under the pointer or at the arrow keys, and zooming into a
// stretch of the x axis. The values lie in data-values of the figure (plot.go); a
// stretch goes into the address, and the server draws it.
import { onRefresh, refresh } from "./live.js";

const values = new WeakMap();
function valuesOf(figure) {
  let known = values.get(figure);
  if (!known) {
    values.set(figure, known = JSON.parse(figure.dataset.values));
    known.lines ??= [];
    known.lines.forEach((line, i) => { line.x ??= known.lines[i - 1]?.x ?? []; line.y ??= []; });
  }
  return known;
}

const valueAt = (axis, pixel) => {
  const v = axis.from + (pixel - axis.start) / (axis.end - axis.start) * (axis.to - axis.from);
  return axis.log ? 10 ** v : v;
};
const pixelOf = (axis, value) => axis.start + ((axis.log ? Math.log10(value) : value) - axis.from) / (axis.to - axis.from) * (axis.end - axis.start);

// Where a pointer is, in the picture's own pixels.
function place(svg, event) {
  const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
  return { x: (event.clientX - box.left) * view.width / box.width, y: (event.clientY - box.top) * view.height / box.height };
}

function part(svg, name, kind) {
  let found = svg.querySelector("." + name);
  if (!found) {
    found = document.createElementNS("http://www.w3.org/2000/svg", kind);
    found.setAttribute("class", name);
    svg.append(found);
  }
  return found;
}

// The nearest point of each line to a value of x.
function nearest(line, x) {
  let best = -1;
  line.x.forEach((v, i) => {
    if (v !== null && (line.y[i] !== null || line.odd?.[i]) && (best < 0 || Math.abs(v - x) < Math.abs(line.x[best] - x))) best = i;
  });
  return best;
}

const text = (v) => Number.isInteger(v) ? String(v) : v.toPrecision(5).replace(/\.?0+($|e)/, "$1");

// What a point of a line is, in words.
function words(line, i) {
  if (line.titles?.[i]) return line.titles[i];
  let said = `${line.label} ${line.y[i] === null ? "" : text(line.y[i])}`.trim();
  const low = line.low?.[i], high = line.high?.[i];
  if (low != null && high != null && low !== high) said += ` (${text(low)} to ${text(high)})`;
  if (line.odd?.[i]) said += line.y[i] === null ? ` ${line.odd[i]}` : `, with ${line.odd[i]}`;
  return said;
}

// The plot whose values are shown, and where: it is shown again when it was drawn anew.
let shown = null;

function point(figure, svg, x) {
  const data = valuesOf(figure);
  const found = data.lines.map((line) => ({ line, i: nearest(line, x) })).filter((f) => f.i >= 0);
  if (!found.length) return leave(figure);
  if (shown && shown.id !== figure.id) leave(document.getElementById(shown.id));
  const closest = found.reduce((a, b) => Math.abs(b.line.x[b.i] - x) < Math.abs(a.line.x[a.i] - x) ? b : a);
  shown = { id: figure.id, x };
  const px = pixelOf(data.axes.x, closest.line.x[closest.i]);
  const rule = part(svg, "hair", "line");
  for (const [name, value] of Object.entries({ x1: px, x2: px, y1: data.axes.y.start, y2: data.axes.y.end })) rule.setAttribute(name, value);

  let box = figure.querySelector(".readout");
  if (!box) {
    box = document.createElement("div");
    box.className = "readout";
    box.setAttribute("role", "status");
    box.setAttribute("aria-live", "polite");
    figure.querySelector(".canvas").append(box);
  }
  const head = document.createElement("strong");
  head.textContent = `${data.x} ${text(closest.line.x[closest.i])}`;
  const step = closest.line === data.lines[data.of ?? 0] && data.steps?.[closest.i];
  if (step) head.textContent += `, step ${step}`;
  box.replaceChildren(head);
  found.sort((a, b) => b.line.y[b.i] - a.line.y[a.i]);
  for (const { line, i } of found.slice(0, 12)) {
    const row = document.createElement("div"), swatch = document.createElement("span");
    swatch.className = "swatch s" + line.series;
    row.append(swatch, words(line, i));
    box.append(row);
  }
  box.classList.toggle("left", px > (data.axes.x.start + data.axes.x.end) / 2);
  box.hidden = false;
}

function leave(figure) {
  shown = null;
  figure?.querySelector(".hair")?.remove();
  const box = figure?.querySelector(".readout");
  if (box) box.hidden = true;
}

// zoom shows the stretch between two values of the x axis; null: all.
function zoom(figure, low, high) {
  const key = figure.dataset.zoom, address = new URL(location.href), { lines, steps, of } = valuesOf(figure);
  if (low === null) {
    address.searchParams.delete(key);
  } else {
    let from = Math.max(0, Math.floor(low)), to = Math.ceil(high);
    if (steps) { // the axis is not of steps: from one that has a point to another
      [from, to] = [low, high].map((x) => steps[Math.max(0, nearest(lines[of ?? 0], x))]);
    }
    if (to <= from) return;
    address.searchParams.set(key, `${from}-${to}`);
  }
  if (address.href !== location.href) refresh(address.href, "push");
}

// hold keeps what a plot lies in from being replaced while somebody draws on it.
function hold(figure, held) {
  for (let at = figure; at; at = at.parentElement?.closest("[data-live]")) at.toggleAttribute("data-held", held);
}

// The keys of a plot that has the focus.
function press(event) {
  const figure = event.target.closest?.(".plot .canvas")?.closest(".plot"), svg = figure?.querySelector("svg.chart");
  if (!svg || event.ctrlKey || event.metaKey || event.altKey) return;
  const { lines, axes } = valuesOf(figure);
  const line = lines.reduce((a, b) => (b.x.length > a.x.length ? b : a), lines[0]);
  const last = line.x.length - 1;
  const at = shown?.id === figure.id ? nearest(line, shown.x) : -1;
  const far = Math.max(1, Math.round(last / 10));
  const moves = { ArrowLeft: at < 0 ? last : at - 1, ArrowRight: at + 1, PageUp: at - far, PageDown: at + far, Home: 0, End: last };
  if (event.key in moves) {
    const to = Math.min(Math.max(moves[event.key], 0), last);
    point(figure, svg, line.x[to]);
  } else if (event.key === "Escape") {
    leave(figure);
  } else if (figure.dataset.zoom && event.key === "0") {
    zoom(figure, null);
  } else if (figure.dataset.zoom && event.key === "+") {
    const middle = pixelOf(axes.x, at < 0 ? valueAt(axes.x, (axes.x.start + axes.x.end) / 2) : line.x[at]), quarter = (axes.x.end - axes.x.start) / 4;
    zoom(figure, valueAt(axes.x, Math.max(axes.x.start, middle - quarter)), valueAt(axes.x, Math.min(axes.x.end, middle + quarter)));
  } else {
    return;
  }
  event.preventDefault();
}

export function startPlots() {
  let drag = null;
  const figureAt = (event) => {
    const svg = event.target.closest?.(".plot svg.chart");
    return svg ? { svg, figure: svg.closest(".plot") } : null;
  };
  const show = (hit, event) => point(hit.figure, hit.svg, valueAt(valuesOf(hit.figure).axes.x, place(hit.svg, event).x));
  document.addEventListener("pointermove", (event) => {
    if (drag) {
      const at = place(drag.svg, event), { x: axis, y } = valuesOf(drag.figure).axes;
      drag.to = Math.min(Math.max(at.x, axis.start), axis.end);
      const band = part(drag.svg, "stretch", "rect");
      band.setAttribute("x", Math.min(drag.from, drag.to));
      band.setAttribute("width", Math.abs(drag.to - drag.from));
      band.setAttribute("y", y.end);
      band.setAttribute("height", y.start - y.end);
    }
    const hit = figureAt(event);
    if (hit) show(hit, event);
  });
  document.addEventListener("pointerout", (event) => {
    const hit = figureAt(event);
    // A finger that is lifted leaves the values where they are.
    if (hit && event.pointerType !== "touch" && !hit.svg.contains(event.relatedTarget)) leave(hit.figure);
  });
  document.addEventListener("pointerdown", (event) => {
    const hit = figureAt(event);
    if (!hit) {
      if (shown) leave(document.getElementById(shown.id));
      return;
    }
    if (event.pointerType === "touch") return show(hit, event);
    if (event.button || !hit.figure.dataset.zoom) return;
    event.preventDefault();
    hit.figure.querySelector(".canvas").focus({ preventScroll: true, focusVisible: false });
    const axis = valuesOf(hit.figure).axes.x, x = Math.min(Math.max(place(hit.svg, event).x, axis.start), axis.end);
    drag = { ...hit, from: x, to: x };
    hold(hit.figure, true);
  });
  const end = (zooms) => {
    if (!drag) return;
    const { figure, svg, from, to } = drag, axis = valuesOf(figure).axes.x;
    drag = null;
    hold(figure, false);
    svg.querySelector(".stretch")?.remove();
    if (!zooms || Math.abs(to - from) < 5) return;
    const [low, high] = [from, to].sort((a, b) => a - b).map((pixel) => valueAt(axis, pixel));
    zoom(figure, low, high);
  };
  document.addEventListener("pointerup", () => end(true));
  document.addEventListener("pointercancel", () => end(false));
  document.addEventListener("dblclick", (event) => {
    const hit = figureAt(event);
    if (hit?.figure.dataset.zoom) zoom(hit.figure, null);
  });
  document.addEventListener("keydown", press);
  onRefresh(() => {
    const figure = shown && document.getElementById(shown.id), svg = figure?.querySelector("svg.chart");
    if (svg && !svg.querySelector(".hair")) point(figure, svg, shown.x);
  });
}
