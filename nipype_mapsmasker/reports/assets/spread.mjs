// SPDX-License-Identifier: Apache-2.0
// How measures spread over runs: histograms, and all measures of all runs as one picture.

import { Chart } from "./chart.mjs";
import { cellAt, make, pointAt } from "./dom.mjs";
import { counted, written } from "./format.mjs";

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {string} label
 * @property {number} digits
 * @property {number} least smallest distance from the median that is worth naming
 * @property {boolean} log whether that is a distance of logarithms: runs are compared by ratio
 * @property {string} meaning
 * @property {(number | null)[]} values one per row
 * @property {Record<string, string>} odd why rows stand out
 */

/**
 * @param {number[]} values
 * @returns {number}
 */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (!sorted.length) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Give distances from the median in robust standard deviations; what is not worth naming is small.
 * @param {(number | null)[]} values
 * @param {number} least
 * @returns {(number | null)[]}
 */
export function distances(values, least) {
  const known = /** @type {number[]} */ (values.filter((value) => value !== null));
  const centre = median(known);
  const spread = Math.max(1.4826 * median(known.map((value) => Math.abs(value - centre))), least / 3.5);
  return values.map((value) => {
    if (value === null) return null;
    if (spread > 0) return (value - centre) / spread;
    return value === centre ? 0 : Math.sign(value - centre) * 99;
  });
}

/**
 * Put values on the scale on which runs are compared.
 * @param {(number | null)[]} values
 * @param {boolean} log
 * @returns {(number | null)[]}
 */
export function compared(values, log) {
  return log ? values.map((value) => (value === null ? null : Math.log(Math.max(value, 1e-300)))) : values;
}

/**
 * Sort rows into bins of equal width, all together at least as wide as what is worth naming.
 * @param {[number, number][]} known row and value
 * @param {number} least
 * @returns {{low: number, width: number, rows: number[][]}}
 */
export function binned(known, least) {
  let low = Infinity;
  let high = -Infinity;
  for (const [, value] of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const more = Math.max(0, (least - (high - low)) / 2);
  if (low >= 0) {
    high += more + Math.max(0, more - low);
    low = Math.max(0, low - more);
  } else {
    low -= more;
    high += more;
  }
  const count = high > low ? Math.min(30, Math.max(8, Math.floor(2 * Math.sqrt(known.length)))) : 1;
  const width = (high - low) / count || 1;
  const start = high > low ? low : low - width / 2;
  /** @type {number[][]} */
  const rows = Array.from({ length: count }, () => []);
  for (const [row, value] of known) rows[Math.min(count - 1, Math.floor((value - start) / width))].push(row);
  return { low: start, width, rows };
}

/**
 * Name some rows.
 * @param {number[]} rows
 * @param {string[]} names
 * @returns {string}
 */
export function some(rows, names) {
  const rest = rows.length - 6;
  return rows.slice(0, 6).map((row) => names[row]).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/**
 * Draw a histogram of a measure.
 * @param {Measure} measure
 * @param {number[]} members rows
 * @param {string[]} names of all rows
 * @returns {HTMLElement | null}
 */
export function histogram(measure, members, names) {
  /** @type {[number, number][]} */
  const known = [];
  for (const row of members) {
    const value = measure.values[row];
    if (value !== null) known.push([row, value]);
  }
  if (known.length < 2) return null;
  const least = measure.log ? measure.least * median(known.map(([, value]) => value)) : measure.least;
  const { low, width, rows } = binned(known, least);
  const end = low + width * rows.length;
  const top = Math.max(...rows.map((bin) => bin.length));
  const chart = new Chart({ x: [low, end], y: [0, top * 1.08], xTicks: 3, yTicks: 2 });
  rows.forEach((bin, place) => {
    const odd = bin.filter((row) => measure.odd[row]).length;
    // A single run among thousands must still be seen.
    const tall = (/** @type {number} */ count) => (count ? Math.max(count, top * 0.04) : 0);
    const ends = /** @type {[number, number]} */ ([low + place * width, low + (place + 1) * width]);
    if (bin.length > odd) chart.box(...ends, tall(bin.length), "bin");
    if (odd) chart.box(...ends, tall(odd), "bin odd");
  });
  const element = chart.element(`Histogram of ${measure.label}: ${counted(known.length, "run")}`, "4.6rem");
  const plot = /** @type {HTMLElement} */ (element.querySelector(".plot"));
  pointAt(plot, (event) => {
    const [place] = cellAt(event, plot, rows.length, 1);
    const from = written(low + place * width, measure.digits);
    const to = written(low + (place + 1) * width, measure.digits);
    const bin = rows[place];
    return `${from} to ${to}: ${counted(bin.length, "run")}${bin.length ? `: ${some(bin, names)}` : ""}`;
  });
  return make("div", {}, make("h3", { class: "minor", title: measure.meaning }, measure.label), element);
}

/**
 * Turn distances into pixels: 0 to 240 for -6 to 6, 241 for what is not known.
 * @param {(number | null)[]} found
 * @returns {number[]}
 */
export function distanceCodes(found) {
  return found.map((distance) => (distance === null ? 241 : Math.round(20 * (Math.min(6, Math.max(-6, distance)) + 6))));
}

/**
 * Make colours from blue over white to red, and grey.
 * @param {number} steps
 * @returns {Uint8Array}
 */
export function signedPalette(steps) {
  const stops = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];
  const found = new Uint8Array(3 * (steps + 1)).fill(185);
  for (let step = 0; step < steps; step += 1) {
    const place = (step / (steps - 1)) * (stops.length - 1);
    const left = Math.min(stops.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel += 1) {
      const from = stops[left][channel];
      found[3 * step + channel] = Math.round(from + (place - left) * (stops[left + 1][channel] - from));
    }
  }
  return found;
}
