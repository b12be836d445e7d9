// SPDX-License-Identifier: Apache-2.0
// The run that is looked at, on a card beside the table.

import { make } from "./dom.mjs";
import { written } from "./format.mjs";

/**
 * @typedef {object} TableData
 * @property {{level: string, words: string}[]} levels from best to worst
 * @property {string[]} telling fields that tell rows apart
 * @property {string[]} common parts of names that all runs have and that need not be shown
 * @property {number} compared fewest runs that are compared with one another
 * @property {string[]} run
 * @property {string[]} atlas
 * @property {string[]} strategy
 * @property {number[]} level
 * @property {number[]} runLevel
 * @property {string[]} link
 * @property {string[]} about what the verdict rests on
 * @property {string[]} keywords all that stands out
 * @property {string[][]} reasons
 * @property {import("./spread.mjs").Measure[]} measures
 */

/**
 * Name a row.
 * @param {TableData} table
 * @param {number} row
 * @returns {string}
 */
export function rowName(table, row) {
  const more = [];
  if (table.telling.includes("atlas")) more.push(table.atlas[row]);
  if (table.telling.includes("strategy")) more.push(table.strategy[row]);
  return [table.run[row], ...more].filter(Boolean).join(" · ");
}

/**
 * Make the sign of a verdict.
 * @param {TableData} table
 * @param {number} row
 * @returns {HTMLElement}
 */
export function badge(table, row) {
  const { level, words } = table.levels[table.level[row]];
  const sign = /** @type {Record<string, string>} */ ({ good: "✓", check: "!" })[level] ?? "✕";
  return make("span", { class: `badge ${level}` }, make("span", { class: "sign", "aria-hidden": "true" }, sign), make("span", { class: "words" }, words));
}

/**
 * Fill the card.
 * @param {HTMLElement} card
 * @param {TableData} table
 * @param {number} row
 * @param {(measure: import("./spread.mjs").Measure) => number} middle the median of a measure
 */
export function fillCard(card, table, row, middle) {
  const parts = [make("h3", {}, rowName(table, row)), make("p", {}, badge(table, row))];
  const words = table.levels[table.level[row]].level === "failed" ? "Open the log" : "Open the run's page";
  if (table.link[row]) parts.push(make("p", {}, make("a", { href: table.link[row] }, words)));
  if (table.reasons[row].length) {
    parts.push(make("ul", {}, ...table.reasons[row].map((reason) => make("li", {}, reason))));
  } else parts.push(make("p", {}, "Nothing stands out."));
  const values = make("dl", {});
  for (const measure of table.measures) {
    const value = measure.values[row];
    if (value === null) continue;
    const odd = measure.odd[row];
    const text = `${written(value, measure.digits)} (${written(middle(measure), measure.digits)})`;
    values.append(make("dt", { title: measure.meaning }, measure.label), make("dd", { class: odd ? "odd" : null, title: odd }, text));
  }
  if (values.childElementCount) parts.push(make("p", { class: "aside" }, "Values, and in brackets the cohort's median:"), values);
  card.replaceChildren(...parts);
}
