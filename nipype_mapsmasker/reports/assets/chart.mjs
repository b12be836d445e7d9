// SPDX-License-Identifier: Apache-2.0
// Charts like those that the page came with: curves stretch with the window, words do not.

import { drawn, make } from "./dom.mjs";
import { short, shortAll, ticks } from "./format.mjs";

/** @typedef {[number, number]} Limits */

/**
 * Write a curve, interrupted where it is not known.
 * @param {number[]} xs
 * @param {(number | null)[]} ys
 * @param {Limits} xLimits
 * @param {Limits} yLimits
 * @returns {string} a path in units of 1000 by 100
 */
export function curve(xs, ys, xLimits, yLimits) {
  let path = "";
  let pen = false;
  ys.forEach((y, i) => {
    if (y === null || Number.isNaN(y)) {
      pen = false;
      return;
    }
    const across = (1000 * (xs[i] - xLimits[0])) / (xLimits[1] - xLimits[0]);
    const share = Math.min(1, Math.max(0, (y - yLimits[0]) / (yLimits[1] - yLimits[0])));
    path += `${pen ? "L" : "M"}${across.toFixed(2)} ${(100 * (1 - share)).toFixed(2)}`;
    // A point without neighbours would leave no trace as a line.
    if (!pen) path += "h0";
    pen = true;
  });
  return path;
}

/**
 * Find the ends of what is known, drawn apart where they are equal.
 * @param {(number | null)[]} values
 * @returns {Limits | null}
 */
export function limitsOf(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** Collects what is drawn between two axes. */
export class Chart {
  /**
   * @param {object} options
   * @param {Limits} options.x
   * @param {Limits} options.y
   * @param {string} [options.xLabel]
   * @param {string} [options.yLabel]
   * @param {number} [options.xTicks]
   * @param {number} [options.yTicks]
   * @param {boolean} [options.log] y is the power of ten that is written
   */
  constructor({ x, y, xLabel = "", yLabel = "", xTicks = 5, yTicks = 3, log = false }) {
    this.x = x;
    this.y = y;
    this.labels = { x: xLabel, y: yLabel };
    /** @type {SVGElement[]} */
    this.shapes = [];
    /** @type {HTMLElement[]} */
    this.words = [];
    const places = log ? decades(y) : yTicks ? ticks(y[0], y[1], yTicks) : [];
    const texts = log ? places.map(decade) : shortAll(places);
    places.forEach((place, i) => {
      const down = 100 * (1 - (place - y[0]) / (y[1] - y[0]));
      this.shapes.push(drawn("path", { class: "grid", d: `M0 ${down.toFixed(2)}H1000` }));
      this.words.push(word("yt", texts[i], "top", down));
    });
    for (const tick of xTicks ? ticks(x[0], x[1], xTicks) : []) {
      this.words.push(word("xt", short(tick), "left", (100 * (tick - x[0])) / (x[1] - x[0])));
    }
  }

  /**
   * @param {number[]} xs
   * @param {(number | null)[]} ys
   * @param {string} kind
   */
  line(xs, ys, kind) {
    const path = curve(xs, ys, this.x, this.y);
    this.shapes.push(drawn("path", { class: kind, d: path }));
    // A lone point is a dot that a thin line's end would hide.
    const lone = path.match(/M[^LMh]*h0(?!L)/g);
    if (lone) this.shapes.push(drawn("path", { class: `${kind} lone`, d: lone.join("") }));
  }

  /**
   * Shade a part of the x axis.
   * @param {number} start
   * @param {number} stop
   * @param {string} kind
   */
  span(start, stop, kind) {
    const scale = 1000 / (this.x[1] - this.x[0]);
    const left = Math.max(0, (start - this.x[0]) * scale);
    const width = Math.max(1, (stop - start) * scale);
    this.shapes.unshift(drawn("rect", { class: kind, x: left.toFixed(2), width: width.toFixed(2), y: 0, height: 100 }));
  }

  /**
   * Draw a bar from the bottom.
   * @param {number} start
   * @param {number} stop
   * @param {number} height
   * @param {string} kind
   */
  box(start, stop, height, kind) {
    const scale = 1000 / (this.x[1] - this.x[0]);
    const tall = (100 * (height - this.y[0])) / (this.y[1] - this.y[0]);
    this.shapes.push(
      drawn("rect", {
        class: kind,
        x: ((start - this.x[0]) * scale).toFixed(2),
        width: ((stop - start) * scale).toFixed(2),
        y: (100 - tall).toFixed(2),
        height: tall.toFixed(2),
      }),
    );
  }

  /**
   * @param {string} description
   * @param {string} height
   * @returns {HTMLElement}
   */
  element(description, height) {
    const svg = drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" }, ...this.shapes);
    const plot = make("div", { class: "plot", style: `height: ${height}` }, svg, ...this.words);
    const parts = [];
    if (this.labels.y) parts.push(make("span", { class: "yl", "aria-hidden": "true" }, this.labels.y));
    parts.push(plot);
    if (this.labels.x) parts.push(make("span", { class: "xl", "aria-hidden": "true" }, this.labels.x));
    return make("div", { class: "chart", role: "img", "aria-label": description }, ...parts);
  }
}

/**
 * @param {Limits} limits powers of ten
 * @returns {number[]}
 */
function decades([low, high]) {
  const found = [];
  for (let power = Math.ceil(low); power <= high; power += 1) found.push(power);
  return found;
}

/**
 * Write a power of ten, small ones with their exponent.
 * @param {number} power
 * @returns {string}
 */
export function decade(power) {
  if (power >= -2) return String(Number((10 ** power).toPrecision(1)));
  return `10${String(power).replace(/[-\d]/g, (letter) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(letter)])}`;
}

/**
 * @param {string} kind
 * @param {string} text
 * @param {"top" | "left"} side
 * @param {number} place in per cent
 */
function word(kind, text, side, place) {
  return make("span", { class: kind, style: `${side}: ${place.toFixed(2)}%`, "aria-hidden": "true" }, text);
}
