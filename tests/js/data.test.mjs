// SPDX-License-Identifier: Apache-2.0
// What the page holds in few bytes comes back as the numbers that went in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { bytesOf, Columns, inflate, pictureCodes } from "../../nipype_mapsmasker/reports/assets/data.mjs";

const packed = (/** @type {number[]} */ bytes) => deflateSync(Uint8Array.from(bytes)).toString("base64");

test("bytes come out of base64 and of zlib", async () => {
  assert.deepEqual([...bytesOf("AP8Q")], [0, 255, 16]);
  assert.deepEqual([...(await inflate(bytesOf(packed([1, 2, 3, 250]))))], [1, 2, 3, 250]);
});

test("columns of two bytes are exact to their digits", async () => {
  // Two columns of three values: 812.30 812.31 none, and -5 0 60000.
  const low = [0, 1, 255, 0, 5, 0x65];
  const high = [0, 0, 255, 0, 0, 0xea];
  const columns = await Columns.unpack({ codes: packed([...low, ...high]), bytes: 2, digits: [2, 0], first: [81230, -5] }, 3);
  assert.deepEqual(columns.column(0), [812.3, 812.31, null]);
  assert.equal(columns.text(0, 0), "812.30");
  assert.equal(columns.text(0, 2), "–");
  assert.deepEqual(columns.column(1), [-5, 0, 60000]);
});

test("columns of one byte, and digits before the point", async () => {
  const columns = await Columns.unpack({ codes: packed([0, 254, 255]), bytes: 1, digits: [-3], first: [12] }, 3);
  assert.deepEqual(columns.column(0), [12000, 266000, null]);
  assert.equal(columns.text(0, 1), "2.66e+5");
});

test("the codes of a picture are those that were drawn", async () => {
  const chunk = (/** @type {string} */ kind, /** @type {Uint8Array} */ data) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length);
    head.write(kind, 4, "latin1");
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const size = Buffer.alloc(13);
  size.writeUInt32BE(3, 0);
  size.writeUInt32BE(2, 4);
  const file = Buffer.concat([
    Buffer.alloc(8),
    chunk("IHDR", size),
    chunk("PLTE", Buffer.alloc(6)),
    chunk("IDAT", deflateSync(Buffer.from([0, 1, 2, 3, 0, 4, 5, 6]))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  const found = await pictureCodes(`data:image/png;base64,${file.toString("base64")}`);
  assert.deepEqual({ ...found, codes: [...found.codes] }, { width: 3, height: 2, codes: [1, 2, 3, 4, 5, 6] });
});
