# SPDX-License-Identifier: Apache-2.0
"""Faults of what all runs share: each function spoils it, and `COHORT_FAULTS` has what is said."""

import os
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.tiny import GRIDS, write_maps, write_mask, write_table

from .faults import stored

__all__ = ["COHORT_FAULTS", "maps_missing"]


def maps_missing(cohort):
    return {"maps": str(cohort.folder / "no_maps.nii.gz")}


def maps_empty(cohort):
    path = write_maps(cohort.folder / "empty_maps.nii.gz", np.zeros((2, GRIDS[0].n_voxels)))
    return {"maps": str(path)}


def maps_labels_empty(cohort):
    data = np.zeros((7, 8, 9), dtype=np.int16)
    return {"maps": str(stored(cohort, data, "empty_labels.nii.gz"))}


def maps_five(cohort):
    data = np.ones((7, 8, 9, 2, 2), dtype=np.float32)
    return {"maps": str(stored(cohort, data, "five_maps.nii.gz"))}


def maps_rgb(cohort):
    data = np.zeros((7, 8, 9), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return {"maps": str(stored(cohort, data, "rgb_maps.nii.gz"))}


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


def maps_swapped(cohort):
    return {"maps": cohort.in_files[0], "in_file": [*cohort.in_files[:2], cohort.maps_file]}


def maps_interpolated(cohort):
    data = np.zeros((7, 8, 9), dtype=np.float32)
    data[1:3], data[4:6], data[3] = 1, 2, 1.4
    return {"maps": str(stored(cohort, data, "between.nii.gz"))}


def labels_deep(cohort):
    path = cohort.folder / "deep_names.json"
    path.write_text("[" * 200_000)
    return {"labels": str(path)}


def labels_pipe(cohort):
    os.mkfifo(cohort.folder / "names.json")
    return {"labels": str(cohort.folder / "names.json")}


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
    return {"mask": str(stored(cohort, data, "probabilities.nii.gz"))}


def mask_four(cohort):
    data = np.ones((7, 8, 9, 3), dtype=np.uint8)
    return {"mask": str(stored(cohort, data, "mask4d.nii.gz"))}


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
    maps_swapped: r"sub-01_task-rest_bold\.nii\.gz does not look like maps: .*not swapped",
    maps_interpolated: r"between\.nii\.gz is an image .*labels that were resampled by interpol",
    labels_deep: r"deep_names\.json is not JSON \(its brackets are nested too deeply\); mend",
    labels_pipe: r"names\.json is a pipe \(FIFO\), where a file is expected; copy",
    labels_length: r"two_names\.tsv has 2 names, where there are 3 maps; give one name per map",
    mask_removes_all: r"half_maps\.nii\.gz with the mask .*other_half\.nii\.gz: No map has",
    mask_empty: r"no_mask\.nii\.gz is an empty mask: no voxel is inside; pass",
    mask_probabilities: r"probabilities\.nii\.gz is not a binary mask: .*mask_threshold",
    mask_four: r"mask4d\.nii\.gz is a 4D image of 3 volumes, where one 3D .*; give a 3D image",
    mask_missing: r"no_such_mask\.nii\.gz",
}
"""Faults of what all runs share; and what is said."""
