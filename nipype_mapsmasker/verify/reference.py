# SPDX-License-Identifier: Apache-2.0
"""One run done by nilearn, in float64; the only module of the package that imports nilearn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.parameters import Cleaning, FittingParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.images.reader import read_info, read_volumes
from nipype_mapsmasker.io.maps import open_maps, read_mask

__all__ = ["reference_signals", "reference_version"]


def reference_version() -> str:
    """
    Give the version of nilearn that is installed.

    Returns
    -------
    str
        The version.

    Raises
    ------
    ParameterError
        There is none.
    """
    try:
        import nilearn
    except ImportError as error:
        msg = "verify compares with nilearn, which is not installed: pip install "
        msg += "'nipype-mapsmasker[verify]'."
        raise ParameterError(msg) from error
    return str(nilearn.__version__)


def reference_signals(
    in_file: str,
    maps_file: str,
    *,
    mask_file: str | None,
    fitting: FittingParameters,
    cleaning: Cleaning,
    high_variance: Mapping[str, Any],
    confounds: NDArray[np.float64] | None,
    sample_mask: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    """
    Extract and clean the signals of a run with nilearn.

    Parameters
    ----------
    in_file, maps_file : str
        The run and the maps.
    mask_file : str or None
        The mask.
    fitting : FittingParameters
        How maps are fitted.
    cleaning : Cleaning
        How signals are cleaned.
    high_variance : mapping
        Whether ``high_variance_confounds`` are regressed out, how many (``n_confounds``), and of
        which share of the voxels (``percentile``).
    confounds : (T, C) ndarray of float or None
        Confounds.
    sample_mask : (T,) ndarray of bool or None
        Volumes to keep.

    Returns
    -------
    (T_kept, K) ndarray of float
        Signals of all maps.
    """
    from nilearn.image import high_variance_confounds
    from nilearn.maskers import NiftiMapsMasker

    method = cleaning.standardization()
    clean_args: dict[str, Any] = {
        "filter": cleaning.filter or False,
        "ensure_finite": cleaning.ensure_finite,
        "extrapolate": cleaning.extrapolate,
    }
    if cleaning.filter == "butterworth":
        for name in ("order", "padtype", "padlen"):
            clean_args[f"butterworth__{name}"] = getattr(cleaning, f"butterworth_{name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = NiftiMapsMasker(
            _maps_image(maps_file),
            mask_img=_mask_image(mask_file, fitting.mask_threshold),
            resampling_target=fitting.resampling_target,
            allow_overlap=fitting.allow_overlap,
            keep_masked_maps=True,
            detrend=cleaning.detrend,
            # nilearn 0.14 has no population deviation: what it divides by is put right below.
            standardize="zscore_sample" if method == "zscore" else method,
            standardize_confounds=cleaning.standardize_confounds,
            low_pass=cleaning.low_pass,
            high_pass=cleaning.high_pass,
            t_r=cleaning.t_r,
            clean_args=clean_args,
            reports=False,
        )
        image = _image(in_file)
        masker.fit(image)
        # Its check wants a number, which what it calls does not need.
        masker.smoothing_fwhm = fitting.fwhm
        regressors = [] if confounds is None else [confounds]
        if high_variance["high_variance_confounds"]:  # the masker's own are always five, of 2 %
            number, share = high_variance["n_confounds"], high_variance["percentile"]
            found = high_variance_confounds(image, n_confounds=number, percentile=share)
            regressors.append(np.asarray(found))
        signals = masker.transform(image, confounds=regressors or None, sample_mask=sample_mask)
    table = np.atleast_2d(np.asarray(signals, dtype=np.float64))
    if method == "zscore" and len(table) > 1:
        table *= np.sqrt(len(table) / (len(table) - 1))
    return table


def _image(path: str | Path) -> Any:
    """Read a whole image in float64."""
    return nib.Nifti1Image(read_volumes(path), read_info(path).grid.affine)


def _maps_image(path: str) -> Any:
    """Read maps; each label of a 3D image as a map of ones."""
    maps = open_maps(path)
    volumes = [np.array(volume, dtype=np.float64).T for volume in maps.volumes()]
    return nib.Nifti1Image(np.stack(volumes, axis=-1), maps.grid.affine)


def _mask_image(path: str | None, threshold: float | None) -> Any:
    """Read a mask."""
    if path is None:
        return None
    grid, mask = read_mask(path, threshold)
    return nib.Nifti1Image(mask.reshape(grid.shape, order="F").astype(np.uint8), grid.affine)
