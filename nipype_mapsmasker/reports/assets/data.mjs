// SPDX-License-Identifier: Apache-2.0
// What the page holds in few bytes, back to numbers. Nothing here asks the network for anything:
// the bytes are in the page, and the browser itself inflates them.

/**
 * @typedef {object} PackedColumns
 * @property {string} codes base64 of a zlib stream: K columns of T codes, low bytes, then high
 * @property {number} bytes 1 or 2 a point
 * @property {number[]} digits decimals of each column
 * @property {number[]} first code 0 of each column, in units of its last decimal
 */

/**
 * Turn base64 into bytes.
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/**
 * Inflate a zlib stream.
 * @param {Uint8Array<ArrayBuffer>} packed
 * @returns {Promise<Uint8Array>}
 */
export async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Read the codes of a palette picture whose lines have filter 0, as this page's have.
 * @param {string} uri
 * @returns {Promise<{width: number, height: number, codes: Uint8Array}>}
 */
export async function pictureCodes(uri) {
  const file = bytesOf(uri.slice(uri.indexOf(",") + 1));
  const view = new DataView(file.buffer);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  let place = 8;
  while (view.getUint32(place + 4) !== 0x49444154) place += 12 + view.getUint32(place); // IDAT
  const lines = await inflate(file.slice(place + 8, place + 8 + view.getUint32(place)));
  const codes = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const start = row * (width + 1) + 1;
    codes.set(lines.subarray(start, start + width), row * width);
  }
  return { width, height, codes };
}

/** Signals, exact to the digits that are shown. */
export class Columns {
  /**
   * @param {PackedColumns} packed
   * @param {Uint8Array} raw the inflated codes
   * @param {number} length T
   */
  constructor(packed, raw, length) {
    this.length = length;
    this.digits = packed.digits;
    this.first = packed.first;
    this.wide = packed.bytes === 2;
    this.raw = raw;
    this.half = packed.digits.length * length;
    this.missing = this.wide ? 65535 : 255;
  }

  /**
   * @param {PackedColumns} packed
   * @param {number} length T
   */
  static async unpack(packed, length) {
    return new Columns(packed, await inflate(bytesOf(packed.codes)), length);
  }

  /**
   * Give a value in units of its last digit, or null where there is none.
   * @param {number} column
   * @param {number} row
   * @returns {number | null}
   */
  units(column, row) {
    const place = column * this.length + row;
    const code = this.raw[place] + (this.wide ? 256 * this.raw[this.half + place] : 0);
    return code === this.missing ? null : this.first[column] + code;
  }

  /**
   * @param {number} column
   * @param {number} row
   * @returns {number | null}
   */
  value(column, row) {
    const units = this.units(column, row);
    if (units === null) return null;
    // Dividing by a power of ten is exact to the last digit where multiplying is not.
    const digits = this.digits[column];
    return digits < 0 ? units * 10 ** -digits : units / 10 ** digits;
  }

  /**
   * Write a value with all of its digits.
   * @param {number} column
   * @param {number} row
   * @returns {string}
   */
  text(column, row) {
    const value = this.value(column, row);
    if (value === null) return "–";
    const digits = this.digits[column];
    if (digits >= 0) return value.toFixed(digits);
    const units = /** @type {number} */ (this.units(column, row));
    return value.toPrecision(Math.max(1, String(Math.abs(units)).length));
  }

  /**
   * Give a whole column.
   * @param {number} column
   * @returns {(number | null)[]}
   */
  column(column) {
    return Array.from({ length: this.length }, (_, row) => this.value(column, row));
  }
}
