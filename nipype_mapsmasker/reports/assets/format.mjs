// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and round places on axes.

/**
 * Write a number with so many decimals; below 0, with so many significant digits.
 * @param {number | null | undefined} value
 * @param {number} digits
 * @returns {string}
 */
export function written(value, digits) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (digits < 0) return String(Number(value.toPrecision(-digits)));
  if (Math.abs(value) < 1e-9) return "0";
  if (digits > 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
  return value.toFixed(digits);
}

/**
 * Write a number for an axis.
 * @param {number} value
 * @returns {string}
 */
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

/**
 * Choose round numbers for an axis.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted about how many
 * @returns {number[]}
 */
export function ticks(low, high, wanted) {
  let raw = (high - low) / wanted;
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  /** @type {number[]} */
  let found = [];
  while (found.length < 2) {
    const power = 10 ** Math.floor(Math.log10(raw));
    const factor = [1, 2, 2.5, 5, 10].find((size) => size * power >= raw * 0.999) ?? 10;
    const step = factor * power;
    found = [];
    for (let n = Math.ceil(low / step - 1e-6); n <= high / step + 1e-6; n += 1) {
      found.push(Number((n * step).toPrecision(10)));
    }
    raw = 0.49 * step; // the next finer step: a single number gives no scale
  }
  return found;
}

/**
 * Count in words.
 * @param {number} number
 * @param {string} noun
 * @returns {string}
 */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Leave out the folders of absolute paths, and of relative ones that are long, so that a narrow cell has room for what is said of the file.
 * @param {string} text
 * @returns {string}
 */
export function withoutFolders(text) {
  return text
    .replace(/(^|[\s('"])(?:\/|[A-Za-z]:\\)(?:[^\s/\\]+[/\\])+(?=[^\s/\\])/g, "$1")
    .replace(/(^|[\s('"])(?:[^\s/\\]+[/\\]){2,}(?=[^\s/\\]*\.[A-Za-z])/g, "$1");
}

/**
 * Leave out of a run's name what all runs have in common.
 * @param {string} run
 * @param {string[]} common parts of the name
 * @returns {string}
 */
export function shortRun(run, common) {
  return run.split("_").filter((part) => !common.includes(part)).join("_");
}

/**
 * Write the places of an axis, with as many digits as tell them apart.
 * @param {number[]} places
 * @returns {string[]}
 */
export function shortAll(places) {
  const texts = places.map(short);
  return new Set(texts).size === texts.length ? texts : places.map(String);
}
