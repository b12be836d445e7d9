// SPDX-License-Identifier: Apache-2.0
// Numbers, axes and curves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { curve, decade, limitsOf } from "../../nipype_mapsmasker/reports/assets/chart.mjs";
import { counted, short, shortAll, shortRun, ticks, withoutFolders, written } from "../../nipype_mapsmasker/reports/assets/format.mjs";
import { moment, spectrumOf } from "../../nipype_mapsmasker/reports/assets/viewer.mjs";

test("numbers are written for people", () => {
  assert.equal(written(null, 2), "–");
  assert.equal(written(NaN, 2), "–");
  assert.equal(written(1e-14, 3), "0");
  assert.equal(written(0.00012, 2), "1.2e-4");
  assert.equal(written(35.0107, -4), "35.01");
  assert.equal(written(150, 0), "150");
  assert.equal(short(0), "0");
  assert.equal(short(123456), "1.2e+5");
  assert.equal(counted(1, "run"), "1 run");
  assert.equal(counted(3, "run"), "3 runs");
});

test("places of an axis are told apart", () => {
  assert.deepEqual(shortAll([0, 0.5, 1]), ["0", "0.5", "1"]);
  assert.deepEqual(shortAll([33699.75, 33700, 33700.25]), ["33699.75", "33700", "33700.25"]);
});

test("files are named without their folders", () => {
  assert.equal(withoutFolders("/data/my-study/sub-01/bold.nii.gz is cut off; see /tmp/x/log."), "bold.nii.gz is cut off; see log.");
  assert.equal(withoutFolders("C:\\data\\bold.nii holds 3/4 and/or 0.5 mm/s"), "bold.nii holds 3/4 and/or 0.5 mm/s");
  assert.equal(withoutFolders("the folder '/data/in' is empty"), "the folder 'in' is empty");
  assert.equal(withoutFolders("sub-01/bold.nii stays"), "sub-01/bold.nii stays");
  assert.equal(withoutFolders("in/sub-01/func/bold.nii has 1/2/3 of 0.5 mm/s"), "bold.nii has 1/2/3 of 0.5 mm/s");
});

test("runs are named without what all have in common", () => {
  assert.equal(shortRun("sub-01_task-rest_space-A_res-2", ["space-A", "res-2"]), "sub-01_task-rest");
  assert.equal(shortRun("sub-01", []), "sub-01");
});

test("ticks are round and inside", () => {
  assert.deepEqual(ticks(0, 400, 5), [0, 100, 200, 300, 400]);
  assert.deepEqual(ticks(-2.6, 2.7, 3), [-2, 0, 2]);
  assert.deepEqual(ticks(1, 1, 3), []);
  assert.deepEqual(ticks(-0.17, 0.17, 3), [-0.1, 0, 0.1]); // one alone gives no scale
  assert.deepEqual(ticks(0.26, 0.44, 1), [0.3, 0.4]);
  for (const [low, high] of [[0.013, 0.97], [-7e4, 3e6], [811.2, 826.9]]) {
    const found = ticks(low, high, 4);
    assert.ok(found.length >= 2 && found.length <= 6);
    assert.ok(found.every((tick) => tick >= low && tick <= high));
  }
});

test("powers of ten", () => {
  assert.equal(decade(0), "1");
  assert.equal(decade(-1), "0.1");
  assert.equal(decade(-12), "10⁻¹²");
});

test("curves break where nothing is known", () => {
  assert.equal(curve([0, 1, 2, 3], [0, 1, null, 1], [0, 4], [0, 1]), "M0.00 100.00h0L250.00 0.00M750.00 0.00h0");
  assert.deepEqual(limitsOf([null, 3, -1]), [-1, 3]);
  assert.deepEqual(limitsOf([2, 2]), [1.5, 2.5]);
  assert.equal(limitsOf([null]), null);
});

test("moments and spectra", () => {
  assert.equal(moment(7, 2), "14 s (volume 7)");
  assert.equal(moment(7, null), "volume 7");
  const spectra = { before: "", after: null, frequencies: [0.1, 0.2], nyquist: 0.25, low: -5, high: 0, codes: 250, band: null };
  assert.deepEqual(spectrumOf(Uint8Array.from([0, 250, 125, 255]), 1, spectra), [-2.5, null]);
});
