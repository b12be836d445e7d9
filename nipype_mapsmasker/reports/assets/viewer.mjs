// SPDX-License-Identifier: Apache-2.0
// One map at a time: its place in the brain, what is known of it, its signal and its spectrum.

import { Chart, limitsOf } from "./chart.mjs";
import { bytesOf, Columns, inflate } from "./data.mjs";
import { byId, cellAt, make, pointAt } from "./dom.mjs";
import { written } from "./format.mjs";

/**
 * @typedef {object} Spectra
 * @property {string} before packed codes, one row of frequencies per map
 * @property {string | null} after
 * @property {number[]} frequencies
 * @property {number} nyquist
 * @property {number} low power of ten of code 0
 * @property {number} high power of ten of the last code
 * @property {number} codes the last code; larger ones are not known
 * @property {[number, number] | null} band
 */

/**
 * @typedef {object} RunData
 * @property {"run"} kind
 * @property {string[]} names
 * @property {number[]} view maps of the viewer, in order
 * @property {Record<string, string>} flags why maps stand out
 * @property {number} volumes
 * @property {number | null} tr
 * @property {[number, number][]} censored
 * @property {Record<string, string>} named volumes that the verdict names, and why
 * @property {import("./data.mjs").PackedColumns} before
 * @property {import("./data.mjs").PackedColumns | null} after
 * @property {{label: string, digits: number, title: string, values: (number | null)[]}[]} columns
 * @property {Record<string, import("./data.mjs").PackedColumns>} series
 * @property {Spectra | null} spectra
 * @property {number[]} order
 * @property {import("./brain.mjs").BrainData | null} brain
 */

/**
 * Say when a volume was taken.
 * @param {number} volume
 * @param {number | null} tr
 * @returns {string}
 */
export function moment(volume, tr) {
  return tr === null ? `volume ${volume}` : `${Number((volume * tr).toFixed(2))} s (volume ${volume})`;
}

/**
 * Turn the codes of a spectrum into powers of ten.
 * @param {Uint8Array} codes
 * @param {number} map
 * @param {Spectra} spectra
 * @returns {(number | null)[]}
 */
export function spectrumOf(codes, map, spectra) {
  const count = spectra.frequencies.length;
  const scale = (spectra.high - spectra.low) / spectra.codes;
  return Array.from(codes.subarray(map * count, (map + 1) * count), (code) =>
    code > spectra.codes ? null : spectra.low + code * scale,
  );
}

/** The viewer of the run's page. */
export class Viewer {
  /**
   * @param {RunData} data
   * @param {{before: Columns, after: Columns | null}} signals
   * @param {import("./brain.mjs").BrainView | null} brain
   */
  constructor(data, signals, brain) {
    this.data = data;
    this.signals = signals;
    this.brain = brain;
    this.place = 0;
    /** @type {{before: Uint8Array, after: Uint8Array | null} | null} */
    this.spectra = null;
    this.slider = /** @type {HTMLInputElement} */ (byId("slider"));
    this.chooser = /** @type {HTMLSelectElement} */ (byId("chooser"));
    for (const [place, map] of data.view.entries()) {
      const flag = data.flags[map] ? ` — ${data.flags[map]}` : "";
      this.chooser.append(make("option", { value: place }, `${map} · ${data.names[map]}${flag}`));
    }
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    for (const kind of ["input", "change"]) {
      this.chooser.addEventListener(kind, () => this.show(Number(this.chooser.value)));
    }
    byId("previous")?.addEventListener("click", () => this.show(this.place - 1));
    byId("next")?.addEventListener("click", () => this.show(this.place + 1));
  }

  /** Unpack what is only needed here. */
  async prepare() {
    const spectra = this.data.spectra;
    if (!spectra) return;
    this.spectra = {
      before: await inflate(bytesOf(spectra.before)),
      after: spectra.after === null ? null : await inflate(bytesOf(spectra.after)),
    };
  }

  /**
   * Show a map by its number, if the viewer holds it.
   * @param {number} map
   */
  choose(map) {
    const place = this.data.view.indexOf(map);
    if (place < 0) return;
    this.show(place);
    byId("viewer")?.scrollIntoView({ block: "nearest" });
  }

  /**
   * Show the map at a place of the list.
   * @param {number} wanted
   */
  show(wanted) {
    const { view, names, flags, columns } = this.data;
    this.place = Math.min(view.length - 1, Math.max(0, wanted));
    const map = view[this.place];
    this.slider.value = String(this.place);
    this.slider.setAttribute("aria-valuetext", `${this.place + 1} of ${view.length}: ${names[map]}`);
    this.chooser.value = String(this.place);
    const facts = [`map ${map}`, ...columns.map(({ label, digits, values }) => `${label} ${written(values[map], digits)}`)];
    write("map-name", names[map]);
    // A name stays with its number where the line breaks.
    write("map-facts", facts.map((fact) => fact.replaceAll(" ", "\u00a0")).join("\u00a0· "));
    write("map-flag", flags[map] ?? "");
    /** @type {HTMLButtonElement} */ (byId("previous")).disabled = this.place === 0;
    /** @type {HTMLButtonElement} */ (byId("next")).disabled = this.place === view.length - 1;
    this.brain?.show(map, names[map]);
    this.drawSeries(map);
    this.drawSpectrum(map);
  }

  /** @param {number} map */
  drawSeries(map) {
    const place = byId("series");
    if (!place) return;
    const { volumes, tr, censored, named, names } = this.data;
    const step = tr ?? 1;
    const times = Array.from({ length: volumes }, (_, volume) => (volume + 0.5) * step);
    const parts = [];
    const both = /** @type {["before" | "after", Columns | null][]} */ (Object.entries(this.signals));
    const shown = both.filter(([, signals]) => signals !== null);
    for (const [kind, signals] of shown) {
      if (!signals) continue;
      const values = signals.column(map);
      const ends = limitsOf(values);
      const last = kind === shown[shown.length - 1][0];
      const chart = new Chart({ x: [0, volumes * step], y: ends ?? [0, 1], xTicks: last ? 5 : 0, xLabel: last ? (tr === null ? "volume" : "time (s)") : "" });
      for (const volume of Object.keys(named)) chart.span(Number(volume) * step, (Number(volume) + 1) * step, "told");
      for (const [start, stop] of censored) chart.span(start * step, stop * step, "censored");
      chart.line(times, values, kind);
      const element = chart.element(`Time series of ${names[map]} ${kind} cleaning${ends ? "" : ": no signal"}`, "6rem");
      const plot = /** @type {HTMLElement} */ (element.querySelector(".plot"));
      pointAt(plot, (event) => {
        const [volume] = cellAt(event, plot, volumes, 1);
        const value = signals.value(map, volume) === null ? "censored" : signals.text(map, volume);
        const note = named[volume] ? ` (${named[volume]})` : "";
        return `${moment(volume, tr)}${note}: ${value}`;
      });
      parts.push(element);
    }
    place.replaceChildren(...parts);
  }

  /** @param {number} map */
  drawSpectrum(map) {
    const place = byId("spectrum");
    if (!place) return;
    const spectra = this.data.spectra;
    if (!spectra || !this.spectra) {
      place.textContent = this.data.tr === null ? "Not known without a repetition time." : "Too few volumes.";
      return;
    }
    const chart = new Chart({ x: [0, spectra.nyquist], y: [spectra.low, spectra.high], log: true, xLabel: "Hz", yLabel: "share of variance", xTicks: 4 });
    if (spectra.band) chart.span(spectra.band[0], spectra.band[1], "pass");
    let known = false;
    for (const [kind, codes] of Object.entries(this.spectra)) {
      if (!codes) continue;
      const values = spectrumOf(codes, map, spectra);
      known ||= values.some((value) => value !== null);
      chart.line(spectra.frequencies, values, kind);
    }
    if (known) place.replaceChildren(chart.element(`Spectrum of ${this.data.names[map]}`, "12.2rem"));
    else place.textContent = "No spectrum: the signal does not vary.";
  }
}

/**
 * @param {string} id
 * @param {string} text
 */
function write(id, text) {
  const node = byId(id);
  if (node) node.textContent = text;
}
