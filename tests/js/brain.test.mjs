// SPDX-License-Identifier: Apache-2.0
// Cuts through small volumes: left stays left, superior is on top.

import assert from "node:assert/strict";
import { test } from "node:test";

import { channels, cut, cutInBox, millimetres, PLANES, strength } from "../../nipype_mapsmasker/reports/assets/brain.mjs";

/** @type {[number, number, number]} */
const SHAPE = [2, 3, 4];
const at = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ z) => (x * SHAPE[1] + y) * SHAPE[2] + z;

test("a cut shows the voxel where it is", () => {
  const volume = new Uint8Array(24);
  volume[at(1, 2, 0)] = 9;
  // Axial: columns left to right, the first row anterior.
  assert.deepEqual([...cut(volume, SHAPE, 2, 0)], [0, 9, 0, 0, 0, 0]);
  // Coronal: the first row superior.
  assert.deepEqual([...cut(volume, SHAPE, 1, 2)], [0, 0, 0, 0, 0, 0, 0, 9]);
  // Sagittal: columns posterior to anterior.
  assert.deepEqual([...cut(volume, SHAPE, 0, 1)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
  assert.ok(!cut(volume, SHAPE, 0, 0).some(Boolean));
});

test("a map in its box is cut as the whole volume would be", () => {
  const whole = new Int8Array(24);
  const box = [1, 1, 1, 1, 2, 3];
  const inside = Int8Array.from([1, -2, 3, 4, 5, -6]);
  let next = 0;
  for (let y = 1; y < 3; y += 1) for (let z = 1; z < 4; z += 1) whole[at(1, y, z)] = inside[next++];
  PLANES.forEach(({ through }, plane) => {
    for (let place = 0; place < SHAPE[through]; place += 1) {
      assert.deepEqual([...cutInBox(inside, box, SHAPE, plane, place)], [...cut(whole, SHAPE, plane, place)]);
    }
  });
  assert.ok(!cutInBox(new Int8Array(0), [0, 0, 0, 0, 0, 0], SHAPE, 0, 0).some(Boolean));
});

test("places, colours and strengths", () => {
  const affine = [[-3, 0, 0, 10], [0, 2, 0, -5], [0, 0, 1, 0]];
  assert.deepEqual(millimetres(affine, [1, 2, 3]), [7, -1, 3]);
  assert.deepEqual(channels("#0a10ff"), [10, 16, 255]);
  assert.deepEqual([4, 8, 20].map((level) => strength(level, 4, 20, 5)), [0, 1, 4]);
});
