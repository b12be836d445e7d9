// SPDX-License-Identifier: Apache-2.0
// The page of a cohort comes to life.

import { badge, fillCard, rowName } from "./card.mjs";
import { pictureCodes } from "./data.mjs";
import { byId, cellAt, make, markScrollers, openForPrint, pointAt, thinNames } from "./dom.mjs";
import { shortRun, withoutFolders, written } from "./format.mjs";
import { correlationText, mirror, namesBeside, paintCodes } from "./matrix.mjs";
import { compared, distanceCodes, distances, histogram, median, signedPalette } from "./spread.mjs";
import { BigTable, filterField } from "./table.mjs";

/** @typedef {import("./card.mjs").TableData} TableData */
/** @typedef {{names: string[], rows: number[], order: number[]}} AtlasData */

/**
 * Find the row before or after one, among those that have a page.
 * @param {TableData} table
 * @param {[string, string, string]} own run, atlas, strategy
 * @param {number} step 1 or -1
 * @returns {number} -1 where there is none
 */
export function neighbour(table, own, step) {
  let row = table.run.findIndex((run, i) => run === own[0] && table.atlas[i] === own[1] && table.strategy[i] === own[2]);
  if (row < 0) return -1;
  const failed = table.levels.length - 1;
  for (row += step; row >= 0 && row < table.run.length; row += step) {
    const alike = table.atlas[row] === own[1] && table.strategy[row] === own[2];
    if (alike && table.link[row] && table.level[row] !== failed) return row;
  }
  return -1;
}

/**
 * Follow a link of a run's page to the run before or after it.
 * @param {TableData} table
 * @param {string} hash
 * @returns {boolean} whether there is one
 */
function follow(table, hash) {
  const found = /^#(next|previous)=(.*)$/.exec(hash);
  if (!found) return false;
  const row = neighbour(table, JSON.parse(decodeURIComponent(found[2])), found[1] === "next" ? 1 : -1);
  if (row < 0) return false;
  location.replace(table.link[row]);
  return true;
}

/**
 * Say which measures tell most: those with outliers first.
 * @param {import("./spread.mjs").Measure[]} measures
 */
export function byTelling(measures) {
  const count = measures.map(({ odd }) => Object.keys(odd).length);
  return measures.map((_, i) => i).sort((a, b) => Number(count[b] > 0) - Number(count[a] > 0) || a - b);
}

/**
 * Describe all columns of the table.
 * @param {TableData} table
 * @returns {{fixed: import("./table.mjs").Column[], measures: import("./table.mjs").Column[]}}
 */
function columnsOf(table) {
  const narrow = innerWidth < 700;
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const room = (byId("runs-place")?.clientWidth ?? 800) / rem;
  const named = table.run.map((run) => shortRun(run, table.common));
  const longest = named.reduce((most, { length }) => Math.max(most, length), 0);
  // What verdict, atlas, strategy and a short reason leave.
  const wide = Math.max(14, Math.min(20, 1.4 + 0.55 * longest, room - 23.5 - 7 * table.telling.length));
  /** @type {import("./table.mjs").Column[]} */
  const fixed = [
    {
      label: "Run", width: narrow ? 8 - 2 * Math.min(1, table.telling.length) : wide, numeric: false,
      text: (row) => named[row],
      value: (row) => table.run[row],
      note: (row) => table.run[row],
      content: (row) => (table.link[row] ? make("a", { href: table.link[row] }, named[row]) : document.createTextNode(named[row])),
    },
    { label: narrow ? "" : "Verdict", title: "Verdict", width: narrow ? 2.9 : 10.5, numeric: false, kind: () => (narrow ? "signs" : ""), text: (row) => table.levels[table.level[row]].words, value: (row) => -table.level[row], content: (row) => badge(table, row) },
  ];
  for (const field of /** @type {("atlas" | "strategy")[]} */ (table.telling)) {
    fixed.push({ label: field[0].toUpperCase() + field.slice(1), width: narrow ? 5.9 : 7, numeric: false, text: (row) => table[field][row], value: (row) => table[field][row] });
  }
  fixed.push({
    label: "Reasons", width: Math.min(26, Math.max(narrow ? 10 : 12.5, room - fixed.reduce((sum, { width }) => sum + width, 0.5))), numeric: false,
    text: (row) => table.reasons[row].join(" "),
    value: (row) => table.keywords[row],
    kind: () => "reasons",
    note: (row) => table.reasons[row].join(" "),
    content: (row) => {
      const words = table.about[row];
      const text = make("div", {}, words ? make("strong", {}, words) : "");
      text.append(words ? ": " : "", withoutFolders(table.reasons[row].join(" ")).replaceAll(`${table.run[row]}_`, "…"));
      return text;
    },
  });
  const measures = table.measures.map((measure) => ({
    label: measure.label, title: measure.meaning, width: 7.6, numeric: true,
    /** @param {number} row */
    text: (row) => written(measure.values[row], measure.digits),
    /** @param {number} row */
    value: (row) => measure.values[row],
    /** @param {number} row */
    kind: (row) => (measure.odd[row] ? "odd" : ""),
    /** @param {number} row */
    note: (row) => measure.odd[row] ?? "",
  }));
  return { fixed, measures };
}

/**
 * Make table, tiles and card.
 * @param {TableData} table
 * @returns {(row: number) => void} look at a row
 */
function showRuns(table) {
  const place = /** @type {HTMLElement} */ (byId("runs-place"));
  const card = /** @type {HTMLElement} */ (byId("card"));
  const { fixed, measures } = columnsOf(table);
  const middles = mediansOf(table);
  /** @param {number} row */
  const look = (row) => fillCard(card, table, row, (measure) => middles(measure, row));
  const big = new BigTable(place, { id: "runs-table", count: table.run.length, columns: fixed, label: "Table of runs", rowHeight: 44, onLook: look });
  /** @type {string} */
  let level = "";
  const hit = (/** @type {number} */ row) => {
    if (!level) return true;
    return table.levels[table.level[row]].level === level && table.runLevel[row] === table.level[row];
  };
  const words = (/** @type {number} */ row) => `${rowName(table, row)} ${table.levels[table.level[row]].words} ${table.keywords[row]} ${table.reasons[row].join(" ")}`;
  const { tools, refresh } = filterField(big, words, "run, reason …", hit);
  const wanted = shownAtFirst(place, fixed, measures, byTelling(table.measures));
  const choose = () => big.show([...fixed, ...measures.filter((_, i) => wanted.has(i))]);
  tools.append(chooser(measures, wanted, choose));
  place.prepend(tools);
  choose();
  const tiles = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tile"));
  for (const tile of tiles) {
    tile.addEventListener("click", () => {
      level = tile.getAttribute("aria-pressed") === "true" ? "" : (tile.dataset.level ?? "");
      for (const other of tiles) other.setAttribute("aria-pressed", String((other.dataset.level ?? "") === level));
      refresh();
    });
  }
  if (table.run.length) big.look(0);
  else card.hidden = true;
  return (row) => {
    big.look(row);
    byId("runs")?.scrollIntoView();
  };
}

/**
 * Take as many measures as the window has room for, the telling ones first.
 * @param {HTMLElement} place
 * @param {import("./table.mjs").Column[]} fixed
 * @param {import("./table.mjs").Column[]} measures
 * @param {number[]} order
 * @returns {Set<number>}
 */
function shownAtFirst(place, fixed, measures, order) {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  let room = place.clientWidth / rem - fixed.reduce((sum, { width }) => sum + width, 0);
  /** @type {Set<number>} */
  const wanted = new Set();
  for (const i of order) {
    room -= measures[i].width;
    if (room < 0) break;
    wanted.add(i);
  }
  return wanted;
}

/**
 * Let the reader choose columns.
 * @param {import("./table.mjs").Column[]} measures
 * @param {Set<number>} wanted
 * @param {() => void} changed
 * @returns {HTMLElement}
 */
function chooser(measures, wanted, changed) {
  const boxes = measures.map((measure, i) => {
    const box = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", checked: wanted.has(i) }));
    box.addEventListener("change", () => {
      if (box.checked) wanted.add(i);
      else wanted.delete(i);
      changed();
    });
    return make("label", {}, box, ` ${measure.label}`);
  });
  return make("details", { class: "chooser" }, make("summary", {}, "Columns"), make("div", {}, ...boxes));
}

/**
 * Find the rows that were treated alike.
 * @param {TableData} table
 * @returns {{name: string, rows: number[]}[]}
 */
export function groupsOf(table) {
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  const failed = table.levels.length - 1;
  table.run.forEach((_, row) => {
    if (table.level[row] === failed) return;
    const name = [table.atlas[row], table.strategy[row]].filter(Boolean).join(" · ") || "all runs";
    const rows = groups.get(name);
    if (rows) rows.push(row);
    else groups.set(name, [row]);
  });
  return Array.from(groups, ([name, rows]) => ({ name, rows }));
}

/**
 * Give the median of a measure in the group of a row, each worked out once.
 * @param {TableData} table
 * @returns {(measure: import("./spread.mjs").Measure, row: number) => number}
 */
function mediansOf(table) {
  /** @type {Map<number, number[]>} */
  const members = new Map();
  for (const { rows } of groupsOf(table)) for (const row of rows) members.set(row, rows);
  /** @type {Map<number[], Map<string, number>>} */
  const known = new Map();
  return (measure, row) => {
    const rows = members.get(row) ?? [];
    const found = known.get(rows) ?? new Map();
    known.set(rows, found);
    if (!found.has(measure.name)) {
      const values = rows.map((i) => measure.values[i]).filter((value) => value !== null);
      found.set(measure.name, median(/** @type {number[]} */ (values)));
    }
    return found.get(measure.name);
  };
}

/**
 * Draw histograms and the picture of all measures, of one group at a time.
 * @param {TableData} table
 * @param {(row: number) => void} look
 */
function showSpread(table, look) {
  const place = byId("histograms");
  const heat = byId("heat");
  const groups = groupsOf(table);
  if (!place || !heat || !groups.length) return;
  const draw = (/** @type {number} */ number) => {
    const { rows } = groups[number];
    const charts = table.measures.map((measure) => histogram(measure, rows, table.run)).filter((chart) => chart !== null);
    const isCompared = rows.length >= table.compared;
    if (charts.length) place.replaceChildren(...charts);
    else place.textContent = "No distributions: fewer than two runs.";
    if (isCompared) heat.replaceChildren(heatOf(table, rows, look));
    else heat.textContent = `No comparison: fewer than ${table.compared} runs.`;
    // A caption of what is not there would mislead.
    place.classList.toggle("empty", !charts.length);
    heat.classList.toggle("empty", !isCompared);
    thinNames();
  };
  if (groups.length > 1) {
    const choice = /** @type {HTMLSelectElement} */ (make("select", {}, ...groups.map(({ name }, i) => make("option", { value: i }, name))));
    choice.addEventListener("change", () => draw(Number(choice.value)));
    byId("groups")?.append(make("label", {}, "Atlas and cleaning ", choice));
  }
  draw(0);
}

/**
 * Draw all measures of some rows.
 * @param {TableData} table
 * @param {number[]} rows
 * @param {(row: number) => void} look
 * @returns {HTMLElement}
 */
function heatOf(table, rows, look) {
  const shown = table.measures.filter(({ values }) => rows.some((row) => values[row] !== null));
  const columns = shown.map(({ values, least, log }) => distanceCodes(distances(compared(rows.map((row) => values[row]), log), least)));
  const codes = new Uint8Array(rows.length * shown.length);
  rows.forEach((_, i) => columns.forEach((column, j) => {
    codes[i * shown.length + j] = column[i];
  }));
  const canvas = paintCodes(codes, shown.length, rows.length, signedPalette(241));
  canvas.className = "heat";
  canvas.style.height = `${Math.min(34, Math.max(3, 1.1 * rows.length)).toFixed(1)}rem`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Distances from the median of ${shown.length} measures in ${rows.length} runs`);
  /** @param {MouseEvent} event */
  const at = (event) => cellAt(event, canvas, shown.length, rows.length);
  pointAt(
    canvas,
    (event) => {
      const [column, row] = at(event);
      const { label, digits, values } = shown[column];
      return `${table.run[rows[row]]}, ${label}: ${written(values[rows[row]], digits)}`;
    },
    (event) => look(rows[at(event)[1]]),
  );
  const heads = make("div", { class: "heads", "aria-hidden": "true" }, ...shown.map(({ label }) => make("span", {}, label)));
  const names = namesBeside(rows.map((row) => shortRun(table.run[row], table.common)));
  return make("div", { class: "named" }, make("div", {}), heads, names, make("div", { class: "plot" }, canvas));
}

/**
 * Give names and values to the pictures of an atlas.
 * @param {TableData} table
 * @param {AtlasData} atlas
 * @param {number} number from 1
 */
async function showAtlas(table, atlas, number) {
  const names = atlas.order.map((index) => atlas.names[index]);
  const size = names.length;
  for (const kind of ["mean", "spread"]) {
    const picture = /** @type {HTMLImageElement | null} */ (byId(`atlas-${number}-${kind}`));
    if (!picture) continue;
    const { codes } = await pictureCodes(picture.src);
    if (kind === "mean") mirror(codes, size);
    const last = Math.max(...Array.from({ length: size }, (_, i) => codes[i * size + i]));
    pointAt(picture, (event) => {
      const [column, row] = cellAt(event, picture, size, size);
      const code = codes[row * size + column];
      const text = kind === "mean" ? `mean ${correlationText(code, 100)}` : code >= last ? "not known" : `SD ${(code / 100).toFixed(2)}`;
      return `${names[row]} – ${names[column]}: ${text}`;
    });
  }
  const coverage = /** @type {HTMLImageElement | null} */ (byId(`atlas-${number}-coverage`));
  if (!coverage) return;
  const { width, height, codes } = await pictureCodes(coverage.src);
  pointAt(coverage, (event) => {
    const [column, row] = cellAt(event, coverage, width, height);
    const code = codes[row * width + column];
    const run = table.run[atlas.rows[row]] ?? "";
    return `${run}, ${atlas.names[column]}: ${code > 100 ? "not known" : (code / 100).toFixed(2)}`;
  });
}

async function startCohort() {
  /** @type {{table: TableData, atlases: AtlasData[]}} */
  const { table, atlases } = JSON.parse(byId("page-data")?.textContent ?? "null");
  if (follow(table, location.hash)) return;
  markScrollers();
  addEventListener("resize", markScrollers);
  openForPrint();
  const look = showRuns(table);
  showSpread(table, look);
  for (const [place, atlas] of atlases.entries()) await showAtlas(table, atlas, place + 1);
  thinNames();
  addEventListener("resize", thinNames);
  performance.mark("ready");
  document.documentElement.dataset.ready = "true";
}

if (globalThis.document) await startCohort();
