// SPDX-License-Identifier: Apache-2.0
// Tables, matrices and spreads of a cohort.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rowName } from "../../nipype_mapsmasker/reports/assets/card.mjs";
import { byTelling, groupsOf, neighbour } from "../../nipype_mapsmasker/reports/assets/cohort.mjs";
import { correlationText, mirror, reordered } from "../../nipype_mapsmasker/reports/assets/matrix.mjs";
import { binned, compared, distanceCodes, distances, median, some } from "../../nipype_mapsmasker/reports/assets/spread.mjs";
import { inView, sorted } from "../../nipype_mapsmasker/reports/assets/table.mjs";

const table = {
  levels: ["good", "check", "bad", "failed"].map((level) => ({ level, words: level })),
  common: [], telling: ["atlas"],
  compared: 5,
  run: ["d", "c", "b", "a", "a"],
  atlas: ["", "x", "x", "x", "y"],
  strategy: ["", "s", "s", "s", "s"],
  level: [3, 2, 0, 0, 0],
  runLevel: [3, 2, 0, 0, 0],
  link: ["./log", "./c", "", "./a", "./ay"],
  about: ["", "", "", "", ""],
  keywords: ["", "", "", "", ""],
  reasons: [[], [], [], [], []],
  measures: [],
};

test("rows sort by value, unknown ones last both ways", () => {
  const values = [3, null, 1, 2];
  const value = (/** @type {number} */ row) => values[row];
  assert.deepEqual(sorted([0, 1, 2, 3], value, false), [2, 3, 0, 1]);
  assert.deepEqual(sorted([0, 1, 2, 3], value, true), [0, 3, 2, 1]);
  const names = ["sub-10", "sub-9", ""];
  assert.deepEqual(sorted([0, 1, 2], (row) => names[row], false), [1, 0, 2]);
});

test("only rows in view are drawn", () => {
  assert.deepEqual(inView(0, 600, 30, 5000), [0, 32]);
  assert.deepEqual(inView(149400, 600, 30, 5000), [4968, 5000]);
  assert.deepEqual(inView(3000, 600, 30, 2), [1, 2]);
  assert.deepEqual(inView(0, 600, 30, 0), [0, 0]);
});

test("matrices", () => {
  assert.equal(correlationText(100, 100), "r = 0.00");
  assert.equal(correlationText(13, 100), "r = -0.87");
  assert.equal(correlationText(201, 100), "not known");
  assert.deepEqual([...reordered(Uint8Array.from([1, 2, 3, 4]), [1, 0])], [4, 3, 2, 1]);
  const codes = Uint8Array.from([1, 2, 3, 0, 4, 5, 0, 0, 6]);
  mirror(codes, 3);
  assert.deepEqual([...codes], [1, 2, 3, 2, 4, 5, 3, 5, 6]);
});

test("spreads", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.deepEqual(distances([1, 1, 1, null], 0), [0, 0, 0, null]);
  assert.equal(distances([0, 0, 0, 0, 5], 0)[4], 99);
  // A difference that is not worth naming is no distance.
  assert.ok(Number(distances([0, 0, 0, 0, 1e-14], 0.1)[4]) < 1e-10);
  // Measures that are compared by ratio have equal distances up and down.
  const [down, , up] = distances(compared([0.5, 1, 2, null], true), 0);
  assert.equal(down, -Number(up));
  assert.deepEqual(compared([0, null, 3], false), [0, null, 3]);
  assert.deepEqual(distanceCodes([-99, 0, 99, null]), [0, 120, 240, 241]);
  assert.equal(some([0, 1, 2, 3, 4, 5, 6, 7], [..."abcdefgh"]), "a, b, c, d, e, f and 2 more");
});

test("every value is in one bin", () => {
  const known = /** @type {[number, number][]} */ (Array.from({ length: 50 }, (_, i) => [i, (i * 37) % 50]));
  const { low, width, rows } = binned(known, 0);
  assert.equal(rows.flat().length, 50);
  for (const [i, bin] of rows.entries()) {
    for (const row of bin) assert.ok(known[row][1] >= low + i * width - 1e-9 && known[row][1] <= low + (i + 1) * width + 1e-9);
  }
  assert.deepEqual(binned([[0, 2], [1, 2]], 0).rows, [[0, 1]]);
  const wide = binned([[0, 0], [1, 1e-15]], 0.1);
  assert.ok(wide.width * wide.rows.length >= 0.1 - 1e-9);
});

test("names, groups and neighbours of rows", () => {
  assert.equal(rowName(table, 1), "c · x");
  assert.deepEqual(groupsOf(table), [
    { name: "x · s", rows: [1, 2, 3] },
    { name: "y · s", rows: [4] },
  ]);
  assert.equal(neighbour(table, ["c", "x", "s"], 1), 3); // b has no page
  assert.equal(neighbour(table, ["c", "x", "s"], -1), -1); // d failed
  assert.equal(neighbour(table, ["?", "x", "s"], 1), -1);
  const measure = (/** @type {Record<string, string>} */ odd) => ({ name: "", label: "", digits: 0, least: 0, log: false, meaning: "", values: [], odd });
  assert.deepEqual(byTelling([measure({}), measure({ 3: "x" }), measure({})]), [1, 0, 2]);
});
