# SPDX-License-Identifier: Apache-2.0
"""
Our maps, resampling and smoothing under the names and signatures of nilearn 0.14.1.

The adapters read images as nilearn does, work out target grids that were not given, and say in
nilearn's words what ours say in others; all numbers are ours.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from nibabel import Nifti1Image
from nilearn.image import check_niimg, check_niimg_3d, check_niimg_4d, new_img_like
from nilearn.image.resampling import BoundingBoxError, get_bounds

from nipype_mapsmasker.core import confounds
from nipype_mapsmasker.core.extraction import Target, extract
from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.core.maps import MapsMatrix, collect_maps
from nipype_mapsmasker.core.resampling import BlockResampler, data_range
from nipype_mapsmasker.core.smoothing import smoothing_operator

__all__ = [
    "high_variance_confounds",
    "img_to_signals_maps",
    "resample_img",
    "resample_to_img",
    "signals_to_img_maps",
    "smooth_array",
]


def grid_of(image: Any) -> Grid:
    return Grid(image.shape[:3], image.affine)


def flat(image: Any) -> np.ndarray:
    """Give (n, V) volumes in disk order."""
    data = np.asarray(image.dataobj)
    return data.reshape(-1, int(np.prod(data.shape[3:])), order="F").T


def check_grids(first: Any, second: Any) -> None:
    """Say in nilearn's words that two images are not on one grid."""
    if same_grid(grid_of(first), grid_of(second)):
        return
    if first.shape[:3] != second.shape[:3]:
        msg = "Images have incompatible shapes."
        raise ValueError(msg)
    msg = "Images have different affine matrices."
    raise ValueError(msg)


def columns(maps_img: Any, mask_img: Any) -> MapsMatrix:
    """Collect the maps of images that are on one grid."""
    grid = grid_of(maps_img)
    mask = None
    if mask_img is not None:
        check_grids(maps_img, mask_img)
        mask = flat(check_niimg_3d(mask_img))[0] > 0
    volumes = (row.astype(float).reshape(grid.shape[::-1]) for row in flat(maps_img))
    return collect_maps(volumes, grid, grid, mask)


def img_to_signals_maps(
    imgs: Any, maps_img: Any, mask_img: Any = None, keep_masked_maps: bool = False
) -> tuple[np.ndarray, list[int]]:
    maps_img, imgs = check_niimg_4d(maps_img), check_niimg_4d(imgs)
    check_grids(imgs, maps_img)
    if mask_img is not None:
        check_grids(imgs, mask_img)
        mask_img = check_niimg_3d(mask_img)
    maps = columns(maps_img, mask_img)
    names = [str(k) for k in range(maps.n_maps)]
    operator = fit_maps(maps, names)
    signals = extract([flat(imgs)], [Target(operator)])[0][0].signals
    if mask_img is None:
        return signals, list(range(maps.n_maps))
    if keep_masked_maps:
        warnings.warn('"keep_masked_maps" parameter will be removed', FutureWarning, stacklevel=2)
        return signals, list(range(maps.n_maps))
    kept = np.flatnonzero(~operator.lost)
    removed = {int(k) for k in np.flatnonzero(operator.lost)}
    if removed:
        text = (
            "After applying mask to the maps image, maps with the following indices were removed: "
            f"{removed}. Out of {maps.n_maps} maps, the masked map image only contains "
            f"{kept.size} maps."
        )
        warnings.warn(text, UserWarning, stacklevel=2)
    return signals[:, kept], kept.tolist()


def signals_to_img_maps(region_signals: Any, maps_img: Any, mask_img: Any = None) -> Any:
    maps_img = check_niimg_4d(maps_img)
    maps = columns(maps_img, mask_img)
    volumes = np.concatenate(list(reconstruct(region_signals, maps)))
    return new_img_like(
        maps_img, volumes.T.reshape((*maps.grid.shape, -1), order="F"), maps_img.affine
    )


def _target(img: Any, target_affine: Any, target_shape: Any) -> Grid:
    """Work out the grid that nilearn would take, where only an affine is given."""
    affine = np.array(target_affine, dtype=float)
    if affine.shape == (3, 3):
        if target_shape is not None:
            msg = (
                "Given target shape without anchor vector: 'target_affine' shape should be "
                "(4, 4) and not (3, 3)"
            )
            raise ValueError(msg)
        whole = np.eye(4)
        whole[:3, :3] = affine
        bounds = np.array(get_bounds(img.shape[:3], np.linalg.inv(whole) @ img.affine))
        whole[:3, 3] = affine @ bounds[:, 0]
        highest = bounds[:, 1] - bounds[:, 0]
        affine = whole
    else:
        to_target = np.linalg.inv(affine) @ img.affine
        highest = np.array(get_bounds(img.shape[:3], to_target))[:, 1]
    if (highest < 0).any():
        msg = "The field of view given by the target affine does not contain any of the data"
        raise BoundingBoxError(msg)
    shape = target_shape if target_shape is not None else np.ceil(highest).astype(int) + 1
    return Grid(tuple(int(size) for size in shape), affine)  # type: ignore[arg-type]


def resample_img(
    img: Any, target_affine: Any = None, target_shape: Any = None,
    interpolation: Any = "continuous", copy: bool = True, order: str = "F", clip: bool = True,
    fill_value: float = 0.0, force_resample: bool = True, copy_header: bool = True,
) -> Any:  # fmt: skip
    del order, force_resample, copy_header  # how theirs is laid out and computed
    if interpolation not in ("continuous", "linear", "nearest"):
        msg = "'interpolation' must be one of ..."
        raise ValueError(msg)
    if target_shape is not None and len(target_shape) != 3:
        msg = f"The shape specified should be the shape of the 3D grid; {target_shape} was."
        raise ValueError(msg)
    if target_shape is not None and target_affine is None:
        msg = "If target_shape is specified, target_affine should be specified too."
        raise ValueError(msg)
    img = check_niimg(img)
    if target_affine is None:
        return Nifti1Image(np.array(img.dataobj), img.affine) if copy else img
    target = _target(img, target_affine, target_shape)
    if same_grid(grid_of(img), target):
        return Nifti1Image(np.array(img.dataobj), img.affine) if copy else img
    stored = flat(img)
    limits = data_range([stored]) if clip else None
    move = BlockResampler(grid_of(img), target, interpolation, limits, fill_value)
    moved = move(stored).T.reshape((*target.shape, *img.shape[3:]), order="F")
    return new_img_like(img, moved, target.affine)


def resample_to_img(source_img: Any, target_img: Any, clip: bool = False, **words: Any) -> Any:
    target = check_niimg(target_img)
    return resample_img(
        source_img, target_affine=target.affine, target_shape=target.shape[:3], clip=clip, **words
    )


def smooth_array(
    arr: np.ndarray, affine: np.ndarray, fwhm: Any = None, ensure_finite: bool = True,
    copy: bool = True,
) -> np.ndarray:  # fmt: skip
    del ensure_finite  # what is not finite is 0 before anything else
    if fwhm is not None and not np.any(fwhm):
        warnings.warn("specified as 0.0. Setting it to None", UserWarning, stacklevel=2)
    grid = Grid(arr.shape[:3], affine)  # type: ignore[arg-type]
    operator = None if fwhm is None else smoothing_operator(grid, fwhm)
    table = np.nan_to_num(arr.astype(float), nan=0.0, posinf=0.0, neginf=0.0)
    volumes = table.reshape(*arr.shape[:3], -1).transpose(3, 2, 1, 0)
    if operator is not None:
        volumes = np.array([operator.apply(np.ascontiguousarray(one)) for one in volumes])
    smoothed = volumes.transpose(3, 2, 1, 0).reshape(arr.shape)
    if copy:
        return smoothed
    arr[...] = smoothed
    return arr


def high_variance_confounds(
    imgs: Any, mask_img: Any = None, n_confounds: int = 5, percentile: float = 2.0,
    detrend: bool = True,
) -> np.ndarray:  # fmt: skip
    table = flat(check_niimg_4d(imgs))
    voxels = None if mask_img is None else np.flatnonzero(flat(check_niimg_3d(mask_img))[0])
    return confounds.high_variance_confounds(
        lambda: [table], len(table), n_confounds=n_confounds, percentile=percentile,
        detrend=detrend, voxels=voxels,
    )  # fmt: skip
