// SPDX-License-Identifier: Apache-2.0
// The page of one run comes to life.

import { BrainView } from "./brain.mjs";
import { bytesOf, Columns, inflate } from "./data.mjs";
import { byId, cellAt, make, markScrollers, openForPrint, pointAt, thinNames } from "./dom.mjs";
import { written } from "./format.mjs";
import { showMatrix } from "./matrix.mjs";
import { BigTable, filterField } from "./table.mjs";
import { moment, Viewer } from "./viewer.mjs";

/** @typedef {import("./viewer.mjs").RunData} RunData */

/**
 * Give values to the carpets.
 * @param {RunData} data
 * @param {{before: Columns, after: Columns | null}} signals
 * @param {(map: number) => void} choose
 */
function showCarpets(data, signals, choose) {
  for (const picture of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-carpet]"))) {
    const columns = picture.dataset.carpet === "after" ? signals.after : signals.before;
    if (!columns) continue;
    const censored = new Set(data.censored.flatMap(([start, stop]) => Array.from({ length: stop - start }, (_, i) => start + i)));
    pointAt(
      picture,
      (event) => {
        const [volume, map] = cellAt(event, picture, data.volumes, data.names.length);
        const about = data.named[volume] ? `, ${data.named[volume]}` : "";
        const note = (censored.has(volume) ? ", censored" : "") + about;
        return `${data.names[map]}, ${moment(volume, data.tr)}${note}: ${columns.text(map, volume)}`;
      },
      (event) => choose(cellAt(event, picture, data.volumes, data.names.length)[1]),
    );
  }
}

/**
 * Give values to charts over time.
 * @param {RunData} data
 */
async function showSeries(data) {
  const units = /** @type {Record<string, string>} */ ({ motion: " mm" });
  for (const [name, packed] of Object.entries(data.series)) {
    const columns = await Columns.unpack(packed, data.volumes);
    for (const plot of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-series="${name}"]`))) {
      pointAt(plot, (event) => {
        const [volume] = cellAt(event, plot, data.volumes, 1);
        return `${moment(volume, data.tr)}: ${columns.text(0, volume)}${units[name] ?? ""}`;
      });
    }
  }
}

/**
 * Give names to the bars of the coverage.
 * @param {RunData} data
 * @param {(map: number) => void} choose
 */
function showCoverage(data, choose) {
  const plot = /** @type {HTMLElement | null} */ (document.querySelector('[data-series="coverage"]'));
  const column = data.columns.find(({ label }) => label === "Coverage");
  if (!plot || !column) return;
  /** @param {MouseEvent} event */
  const mapAt = (event) => cellAt(event, plot, data.names.length, 1)[0];
  pointAt(plot, (event) => `${data.names[mapAt(event)]}: ${written(column.values[mapAt(event)], column.digits)}`, (event) => choose(mapAt(event)));
}

/**
 * Name the maps of the picture of all.
 * @param {RunData} data
 * @param {(map: number) => void} choose
 */
async function showGlance(data, choose) {
  if (!data.brain || !byId("glance")) return;
  const { glance, glanceShape } = data.brain;
  const bytes = await inflate(bytesOf(glance));
  const [, rows, columns] = glanceShape;
  const cuts = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#glance .cut"));
  cuts.forEach((cut, number) => {
    /** @param {MouseEvent} event */
    const mapAt = (event) => {
      const [column, row] = cellAt(event, cut, columns, rows);
      const place = 2 * ((number * rows + row) * columns + column);
      return bytes[place] + 256 * bytes[place + 1] - 1;
    };
    pointAt(
      cut,
      (event) => data.names[mapAt(event)] ?? "",
      (event) => {
        if (mapAt(event) >= 0) choose(mapAt(event));
      },
    );
  });
}

/**
 * Make the table of all maps.
 * @param {RunData} data
 * @param {(map: number) => void} choose
 */
function showTable(data, choose) {
  const place = byId("coverage");
  if (!place) return;
  /** @type {import("./table.mjs").Column[]} */
  const columns = [
    {
      label: "Map", width: 10.2, numeric: false,
      text: (row) => data.names[row],
      value: (row) => data.names[row],
      content: (row) => {
        if (!data.view.includes(row)) return document.createTextNode(data.names[row]);
        const button = make("button", { type: "button", class: "plain" }, data.names[row]);
        button.addEventListener("click", () => choose(row));
        return button;
      },
    },
    { label: "Number", width: 5.5, numeric: true, text: String, value: (row) => row },
    ...data.columns.map(({ label, title, digits, values }) => ({
      label, title, width: 6.3, numeric: true,
      /** @param {number} row */
      text: (row) => written(values[row], digits),
      /** @param {number} row */
      value: (row) => values[row],
    })),
  ];
  if (Object.keys(data.flags).length) {
    /** @param {number} row */
    const remark = (row) => data.flags[row] ?? "";
    columns.splice(1, 0, { label: "Remark", width: 17.5, numeric: false, text: remark, value: remark, note: remark });
  }
  const table = new BigTable(place, {
    id: "coverage-table", count: data.names.length, columns, label: "All maps in numbers", noun: "map",
    kind: (row) => (data.flags[row] ? "flagged" : ""),
  });
  const { tools } = filterField(table, (row) => `${data.names[row]} ${data.flags[row] ?? ""}`, "map, remark …");
  place.prepend(tools);
}

async function startRun() {
  markScrollers();
  addEventListener("resize", markScrollers);
  openForPrint();
  /** @type {RunData} */
  const data = JSON.parse(byId("page-data")?.textContent ?? "null");
  const signals = {
    before: await Columns.unpack(data.before, data.volumes),
    after: data.after && (await Columns.unpack(data.after, data.volumes)),
  };
  /** @type {(map: number) => void} */
  let choose = () => undefined;
  if (byId("viewer")) {
    const place = byId("brain");
    const brain = data.brain && place ? await BrainView.open(place, data.brain) : null;
    const viewer = new Viewer(data, signals, brain);
    await viewer.prepare();
    showWeights(data);
    viewer.show(0);
    choose = (map) => viewer.choose(map);
  }
  showCarpets(data, signals, choose);
  showCoverage(data, choose);
  showTable(data, choose);
  const matrix = /** @type {HTMLImageElement | null} */ (byId("matrix"));
  if (matrix) await showMatrix(matrix, byId("clustered"), data.names, data.order, choose);
  await showGlance(data, choose);
  await showSeries(data);
  markScrollers();
  thinNames();
  addEventListener("resize", thinNames);
  performance.mark("ready");
  document.documentElement.dataset.ready = "true";
}

/**
 * Explain the colours of the weights.
 * @param {RunData} data
 */
function showWeights(data) {
  const place = byId("weights");
  if (!place || !data.brain) return;
  const { positive, negative, smallest, levels } = data.brain;
  /** @param {string[]} colours */
  const scale = (colours) => make("span", { class: "scale", "aria-hidden": "true" }, ...colours.map((colour) => make("i", { style: `background: ${colour}` })));
  place.append(scale(positive), ` positive weight, ${(100 * smallest) / levels} % of the map's peak to the peak `, scale(negative), " negative weight");
}

if (globalThis.document) await startRun();
