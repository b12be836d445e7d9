# SPDX-License-Identifier: Apache-2.0
"""
Every kind of bad input, planted into a sound cohort.

Each function gets a cohort of its own, spoils something and says what it spoilt: columns of the
runs table to replace (all three runs), a maps image, a mask for all. The regular expression beside
it in `RUN_FAULTS` or `COHORT_FAULTS` is what must be said about it.
"""

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.tiny import GRIDS, N_VOLUMES, write_maps, write_mask, write_run, write_table

__all__ = ["COHORT_FAULTS", "RUN_FAULTS", "maps_missing", "truncated_gz"]

BAD = 1
"""Which of the three runs is spoilt."""


def replace(cohort, column, value):
    """Replace the bad run's entry of a column."""
    lists = {
        "in_file": cohort.in_files,
        "confounds": cohort.confounds_files,
        "sample_mask": cohort.sample_mask_files,
    }
    values = list(lists[column])
    values[BAD] = None if value is None else str(value)
    return {column: values}


def image(cohort, value):
    """Replace the bad run's image."""
    return replace(cohort, "in_file", value)


def missing(cohort):
    return image(cohort, cohort.folder / "gone.nii.gz")


def folder(cohort):
    path = cohort.folder / "folder.nii.gz"
    path.mkdir()
    return image(cohort, path)


def text(cohort, name="text.nii.gz"):
    path = cohort.folder / name
    path.write_text("These are no voxels.\n" * 40)
    return image(cohort, path)


def text_gz(cohort):
    path = cohort.folder / "zipped_text.nii.gz"
    path.write_bytes(gzip.compress(b"These are no voxels.\n" * 40))
    return image(cohort, path)


def text_nii(cohort):
    return text(cohort, "text.nii")


def text_other(cohort):
    return text(cohort, "notes.txt")


def empty_file(cohort):
    path = cohort.folder / "nothing.nii.gz"
    path.touch()
    return image(cohort, path)


def truncated_gz(cohort):
    path = cohort.folder / "cut.nii.gz"
    whole = Path(cohort.in_files[BAD]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return image(cohort, path)


def truncated_nii(cohort):
    path = write_run(cohort.folder / "cut.nii", np.random.default_rng(0))
    path.write_bytes(path.read_bytes()[: 352 + 4 * 504 * 10 + 7])
    return image(cohort, path)


def corrupt_gz(cohort):
    path = cohort.folder / "rotten.nii.gz"
    data = bytearray(Path(cohort.in_files[BAD]).read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    return image(cohort, path)


def _dimensions(cohort, dims, name):
    path = write_run(cohort.folder / name, np.random.default_rng(0))
    data = bytearray(path.read_bytes())
    data[40:56] = struct.pack("<8h", *dims)
    path.write_bytes(data)
    return image(cohort, path)


def negative(cohort):
    return _dimensions(cohort, (4, 7, -8, 9, 40, 1, 1, 1), "negative.nii")


def zero(cohort):
    return _dimensions(cohort, (4, 7, 0, 9, 40, 1, 1, 1), "zero.nii")


def huge(cohort):
    return _dimensions(cohort, (4, 32767, 32767, 32767, 32767, 1, 1, 1), "huge.nii")


def more_than_the_file(cohort):
    return _dimensions(cohort, (4, 700, 800, 90, 40, 1, 1, 1), "too_much.nii")


def huge_gz(cohort):
    plain = Path(_dimensions(cohort, (4, 3000, 3000, 3000, 40, 1, 1, 1), "x.nii")["in_file"][BAD])
    path = cohort.folder / "huge.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return image(cohort, path)


def _stored(cohort, data, name):
    path = cohort.folder / name
    nib.save(nib.Nifti1Image(data, GRIDS[0].affine), path)
    return path


def rgb(cohort):
    data = np.zeros((7, 8, 9), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return image(cohort, _stored(cohort, data, "rgb.nii.gz"))


def complex_(cohort):
    data = np.zeros((7, 8, 9, 4), dtype=np.complex64)
    return image(cohort, _stored(cohort, data, "complex.nii.gz"))


def five(cohort):
    data = np.zeros((7, 8, 9, 4, 3), dtype=np.float32)
    return image(cohort, _stored(cohort, data, "five.nii.gz"))


def two(cohort):
    data = np.zeros((7, 8), dtype=np.float32)
    return image(cohort, _stored(cohort, data, "two.nii.gz"))


def far_away(cohort):
    far = np.array(GRIDS[0].affine)
    far[:3, 3] = 5000
    data = np.ones((7, 8, 9, N_VOLUMES), dtype=np.float32)
    path = cohort.folder / "far.nii.gz"
    nib.save(nib.Nifti1Image(data, far), path)
    return image(cohort, path)


def no_data(cohort):
    data = np.full((7, 8, 9, N_VOLUMES), np.nan, dtype=np.float32)
    return image(cohort, _stored(cohort, data, "nan.nii.gz"))


def confounds_length(cohort):
    return replace(cohort, "confounds", _confounds(cohort, "length.tsv", ["csf", *"12345"]))


def confounds_header(cohort):
    rows = [str(float(number)) for number in range(N_VOLUMES + 1)]
    return replace(cohort, "confounds", _confounds(cohort, "header.tsv", rows))


def confounds_text(cohort):
    rows = ["csf", *["1.5"] * 7, "high", *["1.5"] * (N_VOLUMES - 8)]
    return replace(cohort, "confounds", _confounds(cohort, "words.tsv", rows))


def confounds_gap(cohort):
    rows = ["csf", *["1.5"] * 7, "n/a", *["1.5"] * (N_VOLUMES - 8)]
    return replace(cohort, "confounds", _confounds(cohort, "gaps.tsv", rows))


def confounds_missing(cohort):
    return replace(cohort, "confounds", cohort.folder / "lost.tsv")


def confounds_image(cohort):
    return replace(cohort, "confounds", cohort.in_files[0])


def _confounds(cohort, name, lines):
    path = cohort.folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def sample_mask_length(cohort):
    path = write_table(cohort.folder / "keep_few.tsv", keep=[1, 0, 1])
    return replace(cohort, "sample_mask", path)


def sample_mask_index(cohort):
    path = write_table(cohort.folder / "beyond.tsv", index=[0, 1, N_VOLUMES])
    return replace(cohort, "sample_mask", path)


def sample_mask_empty(cohort):
    path = write_table(cohort.folder / "none_kept.tsv", keep=[0] * N_VOLUMES)
    return replace(cohort, "sample_mask", path)


def sample_mask_text(cohort):
    path = write_table(cohort.folder / "perhaps.tsv", keep=["maybe"] * N_VOLUMES)
    return replace(cohort, "sample_mask", path)


RUN_FAULTS = {
    missing: r"gone\.nii\.gz.* (not exist|no such|not there|missing)",
    folder: r"folder\.nii\.gz.* folder",
    text: r"text\.nii\.gz is named as gzip .* where 1f 8b is expected; rename",
    text_gz: r"zipped_text\.nii\.gz.* not .*image",
    text_nii: r"text\.nii.* (not|no) .*image",
    text_other: r"notes\.txt.* (not|no) .*image",
    empty_file: r"nothing\.nii\.gz is empty \(0 bytes\).*; copy it again",
    truncated_gz: rf"cut\.nii\.gz.* holds \d+ of the {N_VOLUMES} volumes that its header promises",
    truncated_nii: rf"cut\.nii .*10 of the {N_VOLUMES} volumes .* header promises; copy it again",
    corrupt_gz: r"rotten\.nii\.gz.*; copy it again",
    negative: r"negative\.nii has a header with dimensions 7 x -8 x 9 .* at least 1; the file",
    zero: r"zero\.nii has a header with dimensions 7 x 0 x 9 .* at least 1; the file",
    huge: r"huge\.nii .*(can hold|address).*",
    more_than_the_file: r"too_much\.nii is truncated: it holds 0 of the 40 volumes .*; copy",
    huge_gz: r"huge\.nii\.gz.* of the 40 volumes of 3000 x 3000 x 3000 voxels",
    rgb: r"rgb\.nii\.gz stores voxels of .*RGB.* numbers are expected; convert",
    complex_: r"complex\.nii\.gz stores voxels of .*complex.* numbers are expected; convert",
    five: r"five\.nii\.gz is a 5D image \(7 x 8 x 9 x 4 x 3\), where 3 or 4 .*; split it",
    two: r"two\.nii\.gz is a 2D image \(7 x 8\).* give a 3D or 4D image",
    far_away: r"far\.nii\.gz.* overlap",
    no_data: r"nan\.nii\.gz has no data under the maps: .*; check",
    confounds_length: rf"length\.tsv has 5 rows, where the image has {N_VOLUMES} volumes; give",
    confounds_header: r"header\.tsv has no header: .* where names of columns are expected; add",
    confounds_text: r"words\.tsv has 'high' in column 'csf', row 8 .* number is expected; correct",
    confounds_gap: r"gaps\.tsv has n/a in column 'csf', row 8 .*leave the column out or fill it",
    confounds_missing: r"lost\.tsv.*(not exist|no such|not there|cannot be read)",
    confounds_image: r"sub-01_task-rest_bold\.nii\.gz is not a text .*give a \.tsv or \.csv table",
    sample_mask_length: rf"keep_few\.tsv says of 3 volumes .* image has {N_VOLUMES}; give",
    sample_mask_index: rf"beyond\.tsv lists volume {N_VOLUMES}, where the image has .*; give",
    sample_mask_empty: rf"none_kept\.tsv keeps none of the {N_VOLUMES} volumes; at least one",
    sample_mask_text: r"perhaps\.tsv has 'maybe' in column 'keep', line 2, .*; correct it",
}
"""Faults of one run, which cost the others nothing; and what is said."""


def maps_missing(cohort):
    return {"maps": str(cohort.folder / "no_maps.nii.gz")}


def maps_empty(cohort):
    path = write_maps(cohort.folder / "empty_maps.nii.gz", np.zeros((2, GRIDS[0].n_voxels)))
    return {"maps": str(path)}


def maps_labels_empty(cohort):
    data = np.zeros((7, 8, 9), dtype=np.int16)
    return {"maps": str(_stored(cohort, data, "empty_labels.nii.gz"))}


def maps_five(cohort):
    data = np.ones((7, 8, 9, 2, 2), dtype=np.float32)
    return {"maps": str(_stored(cohort, data, "five_maps.nii.gz"))}


def maps_rgb(cohort):
    data = np.zeros((7, 8, 9), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return {"maps": str(_stored(cohort, data, "rgb_maps.nii.gz"))}


def maps_truncated(cohort):
    path = cohort.folder / "cut_maps.nii.gz"
    whole = Path(cohort.maps_file).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return {"maps": str(path)}


def maps_far_away(cohort):
    far = np.array(GRIDS[0].affine)
    far[:3, 3] = 5000
    path = cohort.folder / "far_maps.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((7, 8, 9, 2), dtype=np.float32), far), path)
    return {"maps": str(path)}


def labels_length(cohort):
    path = write_table(cohort.folder / "two_names.tsv", index=[1, 2], name=["a", "b"])
    return {"labels": str(path)}


def mask_removes_all(cohort):
    half = np.arange(GRIDS[0].n_voxels) < GRIDS[0].n_voxels // 2
    maps = write_maps(cohort.folder / "half_maps.nii.gz", half[None].astype(float))
    mask = write_mask(cohort.folder / "other_half.nii.gz", ~half)
    return {"maps": str(maps), "mask": str(mask), "grids": "first"}


def mask_empty(cohort):
    mask = write_mask(cohort.folder / "no_mask.nii.gz", np.zeros(GRIDS[0].n_voxels, dtype=bool))
    return {"mask": str(mask)}


def mask_probabilities(cohort):
    data = np.linspace(0, 1, 504, dtype=np.float32).reshape(7, 8, 9)
    return {"mask": str(_stored(cohort, data, "probabilities.nii.gz"))}


def mask_four(cohort):
    data = np.ones((7, 8, 9, 3), dtype=np.uint8)
    return {"mask": str(_stored(cohort, data, "mask4d.nii.gz"))}


def mask_missing(cohort):
    return {"mask": str(cohort.folder / "no_such_mask.nii.gz")}


COHORT_FAULTS = {
    maps_missing: r"no_maps\.nii\.gz",
    maps_empty: r"empty_maps\.nii\.gz: .*(zero|empty|no weight)",
    maps_labels_empty: r"empty_labels\.nii\.gz contains no map: every voxel is zero; pass",
    maps_five: r"five_maps\.nii\.gz is a 5D image .*; split it",
    maps_rgb: r"rgb_maps\.nii\.gz stores voxels of .*RGB.*; convert",
    maps_truncated: r"cut_maps\.nii\.gz.* of the 3 volumes that its header promises",
    maps_far_away: r"far_maps\.nii\.gz.* overlap",
    labels_length: r"two_names\.tsv has 2 names, where there are 3 maps; give one name per map",
    mask_removes_all: r"half_maps\.nii\.gz with the mask .*other_half\.nii\.gz: No map has",
    mask_empty: r"no_mask\.nii\.gz is an empty mask: no voxel is inside; pass",
    mask_probabilities: r"probabilities\.nii\.gz is not a binary mask: .*mask_threshold",
    mask_four: r"mask4d\.nii\.gz is a 4D image of 3 volumes, where one 3D .*; give a 3D image",
    mask_missing: r"no_such_mask\.nii\.gz",
}
"""Faults of what all runs share; and what is said."""
