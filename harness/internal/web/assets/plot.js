// Plots: the values under the pointer, and zooming into a stretch of the x axis.
// The values lie in data-values of the figure (plot.go); a stretch goes into the
// address, and the server draws it.
import { refresh } from "./live.js";

const values = new WeakMap();
function valuesOf(figure) {
  let known = values.get(figure);
  if (!known) values.set(figure, known = JSON.parse(figure.dataset.values));
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
  line.x.forEach((v, i) => { if (v !== null && line.y[i] !== null && (best < 0 || Math.abs(v - x) < Math.abs(line.x[best] - x))) best = i; });
  return best;
}

const text = (v) => Number.isInteger(v) ? String(v) : v.toPrecision(5).replace(/\.?0+($|e)/, "$1");

function point(figure, svg, at) {
  const data = valuesOf(figure);
  const x = valueAt(data.axes.x, at.x);
  const found = data.lines.map((line) => ({ line, i: nearest(line, x) })).filter((f) => f.i >= 0);
  if (!found.length) return leave(figure);
  const closest = found.reduce((a, b) => Math.abs(b.line.x[b.i] - x) < Math.abs(a.line.x[a.i] - x) ? b : a);
  const px = pixelOf(data.axes.x, closest.line.x[closest.i]);
  const rule = part(svg, "hair", "line");
  for (const [name, value] of Object.entries({ x1: px, x2: px, y1: data.axes.y.start, y2: data.axes.y.end })) rule.setAttribute(name, value);

  const box = figure.querySelector(".readout") ?? figure.querySelector(".canvas").appendChild(Object.assign(document.createElement("div"), { className: "readout" }));
  box.replaceChildren();
  const head = document.createElement("strong");
  head.textContent = `${data.x} ${text(closest.line.x[closest.i])}`;
  box.append(head);
  found.sort((a, b) => b.line.y[b.i] - a.line.y[a.i]);
  for (const { line, i } of found.slice(0, 12)) {
    const row = document.createElement("div"), swatch = document.createElement("span");
    swatch.className = "swatch s" + line.series;
    row.append(swatch, line.titles?.[i] || `${line.label} ${text(line.y[i])}`);
    box.append(row);
  }
  box.classList.toggle("left", px > (data.axes.x.start + data.axes.x.end) / 2);
  box.hidden = false;
}

function leave(figure) {
  figure.querySelector(".hair")?.remove();
  const box = figure.querySelector(".readout");
  if (box) box.hidden = true;
}

function zoom(figure, from, to) {
  const address = new URL(location.href);
  if (from === null) address.searchParams.delete(figure.dataset.zoom);
  else address.searchParams.set(figure.dataset.zoom, `${from}-${to}`);
  refresh(address.href, "push");
}

export function startPlots() {
  let drag = null;
  const figureAt = (event) => {
    const svg = event.target.closest?.(".plot svg.chart");
    return svg ? { svg, figure: svg.closest(".plot") } : null;
  };
  document.addEventListener("pointermove", (event) => {
    if (drag) {
      const at = place(drag.svg, event), axis = valuesOf(drag.figure).axes.x;
      drag.to = Math.min(Math.max(at.x, axis.start), axis.end);
      const band = part(drag.svg, "stretch", "rect"), y = valuesOf(drag.figure).axes.y;
      band.setAttribute("x", Math.min(drag.from, drag.to));
      band.setAttribute("width", Math.abs(drag.to - drag.from));
      band.setAttribute("y", y.end);
      band.setAttribute("height", y.start - y.end);
    }
    const hit = figureAt(event);
    if (hit) point(hit.figure, hit.svg, place(hit.svg, event));
  });
  document.addEventListener("pointerout", (event) => {
    const hit = figureAt(event);
    if (hit && !hit.svg.contains(event.relatedTarget)) leave(hit.figure);
  });
  document.addEventListener("pointerdown", (event) => {
    const hit = figureAt(event);
    if (!hit || event.button || event.pointerType === "touch" || !hit.figure.dataset.zoom) return;
    event.preventDefault();
    const x = place(hit.svg, event).x;
    drag = { ...hit, from: x, to: x };
    hit.figure.setAttribute("data-held", "");
  });
  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { figure, svg, from, to } = drag, axis = valuesOf(figure).axes.x;
    drag = null;
    figure.removeAttribute("data-held");
    svg.querySelector(".stretch")?.remove();
    if (Math.abs(to - from) < 5) return;
    const [low, high] = [from, to].sort((a, b) => a - b).map((pixel) => valueAt(axis, pixel));
    zoom(figure, Math.max(0, Math.floor(low)), Math.ceil(high));
  });
  document.addEventListener("dblclick", (event) => {
    const hit = figureAt(event);
    if (hit?.figure.dataset.zoom) zoom(hit.figure, null);
  });
}
