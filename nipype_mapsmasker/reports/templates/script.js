// SPDX-License-Identifier: Apache-2.0
// Tables that sort and filter, and the viewer of maps. No library, no network, no eval; names
// from the data reach the page as text only.
"use strict";
(() => {
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);

  // --- tables -----------------------------------------------------------------------------
  const keyOf = (row, column, numeric) => {
    const cell = row.cells[column];
    const text = cell.dataset.v ?? (numeric ? "" : cell.textContent.trim());
    return numeric ? (text === "" ? NaN : Number(text)) : text.toLocaleLowerCase();
  };
  const collator = new Intl.Collator(undefined, { numeric: true });

  const sortTable = (table, head) => {
    const column = head.cellIndex;
    const numeric = head.dataset.type === "number";
    const down = head.getAttribute("aria-sort") === "ascending";
    const sign = down ? -1 : 1;
    const body = table.tBodies[0];
    const keyed = Array.from(body.rows, (row) => [keyOf(row, column, numeric), row]);
    keyed.sort(([a], [b]) => {
      if (!numeric) return (a === "" || b === "") && a !== b ? (a === "" ? 1 : -1) : sign * collator.compare(a, b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  };

  const filterTable = (id) => {
    const table = byId(id);
    const text = all(`.filter[data-table="${id}"]`)[0]?.value ?? "";
    const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const level = all(`.levels[data-table="${id}"]`)[0]?.value ?? "";
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.searchText ??= row.textContent.toLocaleLowerCase();
      const hit = (!level || row.dataset.level === level) && words.every((word) => row.searchText.includes(word));
      row.hidden = !hit;
      shown += hit;
    }
    const total = table.tBodies[0].rows.length;
    for (const count of all(`.count[data-table="${id}"]`)) count.textContent = shown === total ? `${total} rows` : `${shown} of ${total} rows`;
  };

  for (const table of all("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) head.querySelector("button").addEventListener("click", () => sortTable(table, head));
    for (const tool of all(`.filter[data-table="${table.id}"], .levels[data-table="${table.id}"]`)) for (const kind of ["input", "change"]) tool.addEventListener(kind, () => filterTable(table.id));
    filterTable(table.id);
  }

  // --- regions that scroll can be reached by keyboard -----------------------------------------
  const markScrollers = () => {
    for (const box of all(".scroll")) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      box.classList.toggle("scrolls", box.scrollWidth > box.clientWidth + 1);
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", box.dataset.label ?? "");
      } else {
        box.removeAttribute("tabindex");
        box.removeAttribute("role");
        box.removeAttribute("aria-label");
      }
    }
  };
  addEventListener("load", markScrollers);
  addEventListener("resize", markScrollers);
  addEventListener("beforeprint", () => all("details").forEach((part) => { part.open = true; }));

  // --- viewer -----------------------------------------------------------------------------
  const store = byId("viewer-data");
  if (!store) return;
  const data = JSON.parse(store.textContent);
  const MISSING = 255;
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const decode = (curve) => Array.from(bytes(curve.codes), (code) => (code === MISSING ? null : curve.low + (code / 250) * (curve.high - curve.low)));

  const make = (parent, kind, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };
  const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3))));
  const ticks = (low, high, wanted) => {
    const raw = (high - low) / wanted || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
    const found = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) found.push(Number(tick.toPrecision(10)));
    return found;
  };
  const path = (xs, ys, toX, toY) => {
    let text = "";
    let pen = false;
    ys.forEach((y, index) => {
      if (y === null) { pen = false; return; }
      text += `${pen ? "L" : "M"}${toX(xs[index]).toFixed(1)} ${toY(y).toFixed(1)}`;
      pen = true;
    });
    return text;
  };
  const canvas = (box, height, description) => {
    const width = Math.max(260, box.clientWidth);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", description);
    box.replaceChildren(svg);
    return [svg, width];
  };
  const panel = (svg, curve, kind, label, area, xs, toX) => {
    const values = decode(curve);
    const known = values.filter((value) => value !== null);
    const low = Math.min(...known), high = Math.max(...known);
    const span = high - low || 1;
    const toY = (value) => area.bottom - ((value - low) / span) * (area.bottom - area.top);
    make(svg, "text", { x: area.left, y: area.top - 5 }, label);
    if (!known.length) { make(svg, "text", { x: area.left + 8, y: (area.top + area.bottom) / 2 }, "no signal"); return; }
    for (const tick of ticks(low, high, 4)) {
      make(svg, "line", { class: "grid", x1: area.left, x2: area.right, y1: toY(tick), y2: toY(tick) });
      make(svg, "text", { x: area.left - 5, y: toY(tick) + 4, "text-anchor": "end" }, short(tick));
    }
    // A point without neighbours would leave no trace as a line.
    make(svg, "path", { class: kind, d: path(xs, values, toX, toY), "stroke-linecap": "round" });
  };
  const drawSeries = (map) => {
    const box = byId("series");
    const both = map.after !== null;
    const height = both ? 236 : 136;
    const [svg, width] = canvas(box, height, `Time series of ${map.name} before${both ? " and after" : ""} cleaning`);
    const left = 46, right = width - 8, end = data.end;
    const toX = (time) => left + (time / end) * (right - left);
    const step = end / data.points;
    const xs = Array.from({ length: data.points }, (_, index) => (index + 0.5) * step);
    for (const [from, to] of data.censored) make(svg, "rect", { class: "censored", x: toX(from), width: Math.max(0.5, toX(to) - toX(from)), y: 18, height: height - 52 });
    panel(svg, map.before, "before", "before cleaning", { left, right, top: 20, bottom: both ? 96 : height - 34 }, xs, toX);
    if (both) panel(svg, map.after, "after", "after cleaning", { left, right, top: 124, bottom: height - 34 }, xs, toX);
    axis(svg, toX, ticks(0, end, Math.max(3, width / 110)), height - 34, left, right, data.unit);
  };
  const axis = (svg, toX, at, y, left, right, unit) => {
    make(svg, "line", { class: "axis", x1: left, x2: right, y1: y, y2: y });
    for (const tick of at) {
      make(svg, "line", { class: "axis", x1: toX(tick), x2: toX(tick), y1: y, y2: y + 4 });
      make(svg, "text", { x: toX(tick), y: y + 16, "text-anchor": "middle" }, short(tick));
    }
    make(svg, "text", { x: (left + right) / 2, y: y + 31, "text-anchor": "middle" }, unit);
  };
  const drawSpectrum = (map) => {
    const box = byId("spectrum");
    if (!map.spectrumBefore) { box.textContent = "Not known without a repetition time."; return; }
    const height = 236;
    const [svg, width] = canvas(box, height, `Spectrum of ${map.name}`);
    const left = 46, right = width - 8, top = 12, bottom = height - 34;
    const { nyquist, frequencies } = data;
    const toX = (frequency) => left + (frequency / nyquist) * (right - left);
    const curves = [["before", map.spectrumBefore], ["after", map.spectrumAfter]].filter(([, curve]) => curve).map(([kind, curve]) => [kind, decode(curve)]);
    const known = curves.flatMap(([, values]) => values.filter((value) => value !== null));
    if (!known.length) { box.textContent = "No spectrum: the signal does not vary."; return; }
    const high = Math.ceil(Math.max(...known)), low = Math.max(Math.floor(Math.min(...known)), high - 5);
    const toY = (value) => bottom - ((Math.max(value, low) - low) / (high - low)) * (bottom - top);
    if (data.band) make(svg, "rect", { class: "band", x: toX(data.band[0]), width: toX(data.band[1]) - toX(data.band[0]), y: top, height: bottom - top });
    for (let tick = low; tick <= high; tick += 1) {
      make(svg, "line", { class: "grid", x1: left, x2: right, y1: toY(tick), y2: toY(tick) });
      make(svg, "text", { x: left - 5, y: toY(tick) + 4, "text-anchor": "end" }, tick < -3 ? `1e${tick}` : String(Number((10 ** tick).toPrecision(1))));
    }
    for (const [kind, values] of curves) make(svg, "path", { class: kind, d: path(frequencies, values, toX, toY) });
    axis(svg, toX, ticks(0, nyquist, 4), bottom, left, right, "Hz (height: share of variance)");
  };

  const slider = byId("slider"), chooser = byId("chooser");
  let current = 0;
  const draw = () => {
    const map = data.maps[current];
    drawSeries(map);
    drawSpectrum(map);
  };
  const show = (wanted) => {
    current = Math.min(Math.max(wanted, 0), data.maps.length - 1);
    const map = data.maps[current];
    slider.value = current;
    slider.setAttribute("aria-valuetext", `${current + 1} of ${data.maps.length}: ${map.name}`);
    chooser.value = current;
    byId("map-name").textContent = map.name;
    byId("map-facts").textContent = map.facts;
    byId("previous").disabled = current === 0;
    byId("next").disabled = current === data.maps.length - 1;
    all(".cut").forEach((cut, plane) => {
      const back = cut.querySelector(".back"), over = cut.querySelector(".over");
      back.src = data.backgrounds[map.back[plane]];
      over.src = map.over[plane];
      over.alt = `${cut.dataset.plane} cut of ${map.name} at ${map.places[plane]}`;
      cut.querySelector(".place").textContent = map.places[plane];
      cut.querySelector(".down").style.left = `${100 * map.cross[plane][0]}%`;
      cut.querySelector(".across").style.top = `${100 * map.cross[plane][1]}%`;
    });
    draw();
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  for (const kind of ["input", "change"]) chooser.addEventListener(kind, () => show(Number(chooser.value)));
  byId("previous").addEventListener("click", () => show(current - 1));
  byId("next").addEventListener("click", () => show(current + 1));
  addEventListener("resize", draw);
  show(0);
})();
