// SPDX-License-Identifier: Apache-2.0
// Matrices of correlations: names and values under the pointer, and the same in another order.

import { pictureCodes } from "./data.mjs";
import { cellAt, make, pointAt } from "./dom.mjs";

const MAX_NAMED_ROWS = 36;

/**
 * Write a correlation from its pixel.
 * @param {number} code
 * @param {number} steps from 0 to 1
 * @returns {string}
 */
export function correlationText(code, steps) {
  return code > 2 * steps ? "not known" : `r = ${((code - steps) / steps).toFixed(2)}`;
}

/**
 * Put a square of codes into another order.
 * @param {Uint8Array} codes
 * @param {number[]} order
 * @returns {Uint8Array}
 */
export function reordered(codes, order) {
  const size = order.length;
  const found = new Uint8Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      found[row * size + column] = codes[order[row] * size + order[column]];
    }
  }
  return found;
}

/**
 * Fill the lower half of a square of codes from the upper one.
 * @param {Uint8Array} codes
 * @param {number} size
 */
export function mirror(codes, size) {
  for (let row = 1; row < size; row += 1) {
    for (let column = 0; column < row; column += 1) {
      codes[row * size + column] = codes[column * size + row];
    }
  }
}

/**
 * Read the palette of a picture, as red, green, blue, red …
 * @param {string} uri
 */
export function paletteOf(uri) {
  const letters = atob(uri.slice(uri.indexOf(",") + 1).slice(0, 1600));
  const at = letters.indexOf("PLTE");
  const length = (letters.charCodeAt(at - 2) << 8) + letters.charCodeAt(at - 1);
  return Uint8Array.from(letters.slice(at + 4, at + 4 + length), (letter) => letter.charCodeAt(0));
}

/**
 * Draw codes into a canvas of as many pixels.
 * @param {Uint8Array} codes
 * @param {number} width
 * @param {number} height
 * @param {Uint8Array} palette
 * @returns {HTMLCanvasElement}
 */
export function paintCodes(codes, width, height, palette) {
  const canvas = /** @type {HTMLCanvasElement} */ (make("canvas", { width, height }));
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const image = context.createImageData(width, height);
  for (let i = 0; i < codes.length; i += 1) {
    const colour = 3 * codes[i];
    image.data.set([palette[colour], palette[colour + 1], palette[colour + 2], 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Give names and values to a matrix, and draw it again in another order.
 * @param {HTMLImageElement} picture in the order of the maps
 * @param {HTMLElement | null} place for the other one
 * @param {string[]} names
 * @param {number[]} order
 * @param {(index: number) => void} [click] what a row does
 */
export async function showMatrix(picture, place, names, order, click) {
  const { width, codes } = await pictureCodes(picture.src);
  const palette = paletteOf(picture.src);
  const steps = 100;
  mirror(codes, width);
  /** @param {Uint8Array} shown @param {string} description @param {(cell: number) => number} map */
  const draw = (shown, description, map) => {
    const canvas = paintCodes(shown, width, width, palette);
    canvas.className = width > 300 ? "matrix many" : "matrix";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", description);
    pointAt(
      canvas,
      (event) => {
        const [column, row] = cellAt(event, canvas, width, width).map(map);
        return `${names[row]} – ${names[column]}: ${correlationText(codes[row * width + column], steps)}`;
      },
      click && ((event) => click(map(cellAt(event, canvas, width, width)[1]))),
    );
    return canvas;
  };
  const own = draw(codes, picture.alt, (cell) => cell);
  own.id = picture.id;
  picture.replaceWith(own);
  if (!place) return;
  const canvas = draw(reordered(codes, order), place.dataset.label ?? "Matrix", (cell) => order[cell]);
  place.replaceChildren(namesBeside(order.map((index) => names[index])), make("div", { class: "plot" }, canvas));
}

/**
 * Write names beside the rows of a picture, of many rows every second, third …
 * @param {string[]} names
 * @returns {HTMLElement}
 */
export function namesBeside(names) {
  const step = Math.ceil(names.length / MAX_NAMED_ROWS);
  const column = make("div", { class: "names", "aria-hidden": "true" });
  for (let row = Math.floor((step - 1) / 2); row < names.length; row += step) {
    const top = (100 * (row + 0.5)) / names.length;
    column.append(make("span", { title: names[row], style: `top: ${top.toFixed(3)}%` }, names[row]));
  }
  return column;
}
