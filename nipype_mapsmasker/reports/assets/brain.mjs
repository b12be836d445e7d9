// SPDX-License-Identifier: Apache-2.0
// A brain to turn: three cuts through the mean image with one map on it, at any place.

import { bytesOf, inflate } from "./data.mjs";
import { cellAt, make, say } from "./dom.mjs";

/** @typedef {[number, number, number]} Triple */

/**
 * @typedef {object} BrainData
 * @property {Triple} shape of the small volumes: right, anterior, superior
 * @property {Triple} sizes of a voxel in mm
 * @property {number[][]} affine three rows, from voxel to mm
 * @property {string | null} mean packed codes of the mean image, x slowest
 * @property {string[]} shades colours of these codes
 * @property {string[]} positive colours from weak to strong
 * @property {string[]} negative likewise
 * @property {number} levels steps from 0 to a map's peak
 * @property {number} smallest step that is drawn
 * @property {string[]} maps packed levels inside each map's box
 * @property {number[][]} boxes start and size of each box
 * @property {Triple[]} places where each map is shown first
 * @property {string} glance numbers of the strongest maps plus one
 * @property {Triple} glanceShape cuts, rows, columns
 */

/** The planes: across, up, and the axis that each cuts. */
export const PLANES = [
  { name: "sagittal", wide: 1, high: 2, through: 0, ends: ["P", "A"] },
  { name: "coronal", wide: 0, high: 2, through: 1, ends: ["L", "R"] },
  { name: "axial", wide: 0, high: 1, through: 2, ends: ["L", "R"] },
];

/**
 * Give the place in mm of a voxel.
 * @param {number[][]} affine
 * @param {Triple} voxel
 * @returns {Triple}
 */
export function millimetres(affine, voxel) {
  const [x, y, z] = affine.map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
  return [x, y, z];
}

/**
 * Cut a volume; the first row is the top.
 * @param {Uint8Array | Int8Array} volume x slowest
 * @param {Triple} shape
 * @param {number} plane
 * @param {number} at
 * @returns {Int16Array}
 */
export function cut(volume, shape, plane, at) {
  const { wide, high, through } = PLANES[plane];
  const strides = [shape[1] * shape[2], shape[2], 1];
  const width = shape[wide];
  const height = shape[high];
  const found = new Int16Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const start = at * strides[through] + (height - 1 - row) * strides[high];
    for (let column = 0; column < width; column += 1) {
      found[row * width + column] = volume[start + column * strides[wide]];
    }
  }
  return found;
}

/**
 * Cut a map whose levels are known inside a box; outside they are 0.
 * @param {Int8Array} inside
 * @param {number[]} box start and size
 * @param {Triple} shape
 * @param {number} plane
 * @param {number} at
 * @returns {Int16Array}
 */
export function cutInBox(inside, box, shape, plane, at) {
  const { wide, high, through } = PLANES[plane];
  const found = new Int16Array(shape[wide] * shape[high]);
  const start = box.slice(0, 3);
  const size = /** @type {Triple} */ (box.slice(3));
  if (at < start[through] || at >= start[through] + size[through]) return found;
  const small = cut(inside, size, plane, at - start[through]);
  const top = shape[high] - start[high] - size[high];
  for (let row = 0; row < size[high]; row += 1) {
    const from = row * size[wide];
    found.set(small.subarray(from, from + size[wide]), (top + row) * shape[wide] + start[wide]);
  }
  return found;
}

/**
 * Choose the colour of a level among those from weak to strong.
 * @param {number} level larger than 0
 * @param {number} smallest
 * @param {number} levels
 * @param {number} colours
 * @returns {number}
 */
export function strength(level, smallest, levels, colours) {
  return Math.min(colours - 1, Math.floor(((level - smallest) / (levels - smallest + 1)) * colours));
}

/**
 * @param {string} colour #rrggbb
 * @returns {Triple}
 */
export function channels(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Three pictures, their sliders and the place at which they cut. */
export class BrainView {
  /**
   * @param {HTMLElement} place
   * @param {BrainData} data
   * @param {Uint8Array | null} mean
   */
  constructor(place, data, mean) {
    this.data = data;
    this.mean = mean;
    this.shades = data.shades.map(channels);
    this.colours = [data.negative.map(channels), data.positive.map(channels)];
    /** @type {Triple} */
    this.voxel = [data.shape[0] >> 1, data.shape[1] >> 1, data.shape[2] >> 1];
    /** @type {Int8Array} */
    this.levels = new Int8Array(0);
    this.box = [0, 0, 0, 0, 0, 0];
    this.name = "";
    this.wanted = -1;
    this.panes = PLANES.map((plane, number) => this.pane(plane, number));
    place.replaceChildren(...this.panes.map((pane) => pane.element));
  }

  /**
   * @param {BrainData} data
   * @param {HTMLElement} place
   */
  static async open(place, data) {
    const mean = data.mean === null ? null : await inflate(bytesOf(data.mean));
    return new BrainView(place, data, mean);
  }

  /**
   * @param {typeof PLANES[number]} plane
   * @param {number} number
   */
  pane({ name, wide, high, through, ends }, number) {
    const { shape, sizes } = this.data;
    const width = shape[wide];
    const height = shape[high];
    const canvas = /** @type {HTMLCanvasElement} */ (make("canvas", { width, height, role: "img" }));
    const across = make("span", { class: "line across" });
    const down = make("span", { class: "line down" });
    const words = ends.map((end, side) => make("span", { class: `end ${side ? "right" : "left"}`, "aria-hidden": "true" }, end));
    const ratio = (width * sizes[wide]) / (height * sizes[high]);
    const picture = make("div", { class: "cut", style: `aspect-ratio: ${ratio.toFixed(4)}` }, canvas, across, down, ...words);
    const slider = /** @type {HTMLInputElement} */ (
      make("input", { type: "range", min: 0, max: shape[through] - 1, step: 1, "aria-label": `Place of the ${name} cut` })
    );
    const label = make("span", { class: "place" });
    slider.addEventListener("input", () => {
      this.voxel[through] = Number(slider.value);
      this.draw();
    });
    /** @param {PointerEvent} event */
    const cellOf = (event) => {
      const [column, row] = cellAt(event, canvas, width, height);
      /** @type {Triple} */
      const voxel = [...this.voxel];
      voxel[wide] = column;
      voxel[high] = height - 1 - row;
      return voxel;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.voxel = cellOf(event);
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      const voxel = cellOf(event);
      say(event, this.words(voxel));
      if (!(event.buttons & 1)) return;
      this.voxel = voxel;
      this.draw();
    });
    canvas.addEventListener("pointerleave", (event) => say(event, ""));
    const element = make("div", { class: "pane", style: `flex: ${(ratio * 100).toFixed(1)} 1 0` }, picture, make("div", { class: "turn" }, slider, label));
    return { number, canvas, across, down, slider, label, element };
  }

  /**
   * Show a map at its own place.
   * @param {number} index
   * @param {string} name
   */
  async show(index, name) {
    this.wanted = index;
    const inside = await inflate(bytesOf(this.data.maps[index]));
    if (this.wanted !== index) return; // another one was asked for in the meantime
    this.levels = new Int8Array(inside.buffer);
    this.box = this.data.boxes[index];
    this.voxel = [...this.data.places[index]];
    this.name = name;
    this.draw();
  }

  /**
   * Give a map's level at a voxel.
   * @param {Triple} voxel
   */
  level(voxel) {
    const at = voxel.map((place, axis) => place - this.box[axis]);
    const size = this.box.slice(3);
    if (at.some((place, axis) => place < 0 || place >= size[axis])) return 0;
    return this.levels[(at[0] * size[1] + at[1]) * size[2] + at[2]];
  }

  /** @param {Triple} voxel */
  words(voxel) {
    const place = millimetres(this.data.affine, voxel).map((value) => value.toFixed(0));
    const level = this.level(voxel);
    const { levels, smallest } = this.data;
    const weight = level ? `${((100 * level) / levels).toFixed(0)} %` : `less than ${((100 * smallest) / levels).toFixed(0)} %`;
    return `(${place.join(", ")}) mm: ${weight} of the map's peak`;
  }

  /** Draw all three cuts. */
  draw() {
    const { shape, affine } = this.data;
    const place = millimetres(affine, this.voxel);
    for (const { number, canvas, across, down, slider, label } of this.panes) {
      const { name, wide, high, through } = PLANES[number];
      const words = `${"xyz"[through]} = ${place[through].toFixed(0)} mm`;
      label.textContent = words;
      slider.value = String(this.voxel[through]);
      slider.setAttribute("aria-valuetext", words);
      canvas.setAttribute("aria-label", `${name} cut of ${this.name} at ${words}`);
      down.style.left = `${(100 * (this.voxel[wide] + 0.5)) / shape[wide]}%`;
      across.style.top = `${100 * (1 - (this.voxel[high] + 0.5) / shape[high])}%`;
      this.paint(canvas, number, this.voxel[through]);
    }
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} plane
   * @param {number} at
   */
  paint(canvas, plane, at) {
    const context = canvas.getContext("2d");
    if (!context) return;
    const { shape, smallest, levels } = this.data;
    const over = cutInBox(this.levels, this.box, shape, plane, at);
    const back = this.mean && cut(this.mean, shape, plane, at);
    const empty = this.shades[Math.floor(this.shades.length / 4)];
    const image = context.createImageData(canvas.width, canvas.height);
    for (let i = 0; i < over.length; i += 1) {
      const level = over[i];
      const colours = this.colours[level > 0 ? 1 : 0];
      const colour = level
        ? colours[strength(Math.abs(level), smallest, levels, colours.length)]
        : back
          ? this.shades[back[i]]
          : empty;
      image.data.set([colour[0], colour[1], colour[2], 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }
}
