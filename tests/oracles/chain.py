# SPDX-License-Identifier: Apache-2.0
"""Our whole chain, from files to cleaned signals, as one function; and nilearn's beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nilearn.maskers import MultiNiftiMapsMasker

from nipype_mapsmasker.core.confounds import high_variance_confounds
from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.maps import check_no_overlap
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.maps import load_maps, open_maps
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run
from nipype_mapsmasker.steps.extract import extract_run, write_extraction
from nipype_mapsmasker.steps.fit import fit_space

__all__ = ["Job", "difference_sd", "nilearn_chain", "our_chain", "save_image"]


@dataclass
class Job:
    """One run with everything that is done to it, in nilearn's words."""

    run: Path
    maps: Path
    mask: Path | None = None
    labels: Path | None = None
    resampling_target: Any = "data"
    smoothing_fwhm: Any = None
    allow_overlap: bool = True
    high_variance: bool = False
    confounds: np.ndarray | None = None
    sample_mask: np.ndarray | None = None
    cleaning: dict[str, Any] = field(default_factory=dict)
    missing_voxels: Any = "zero"


def save_image(path: Path, data: np.ndarray, affine: np.ndarray, t_r: float = 2.0) -> Path:
    """Write an image as it is, without scaling."""
    image = nib.Nifti1Image(data, affine)
    if data.ndim == 4:
        image.header.set_zooms((*image.header.get_zooms()[:3], t_r))
    image.to_filename(path)
    return path


def our_chain(job: Job, folder: Path) -> tuple[np.ndarray, list[str]]:
    """Fit, extract and clean through our readers and writers, as the interfaces do."""
    folder.mkdir(exist_ok=True)
    maps_image = open_maps(job.maps)
    names = maps_image.names(job.labels)
    target, mask = fit_space(
        maps_image, mask_file=job.mask, reference_file=job.run,
        resampling_target=job.resampling_target,
    )  # fmt: skip
    maps = load_maps(maps_image, target, mask)
    if not job.allow_overlap:
        check_no_overlap(maps, names)
    operator = save_operator(
        folder / "operator.npz", fit_maps(maps, names, job.smoothing_fwhm or None)
    )
    info = read_info(job.run)
    run = extract_run(info, [operator], missing_voxels=job.missing_voxels)
    signals_file = write_extraction(folder, run)["signals_files"][0]
    files: dict[str, Any] = {}
    if job.confounds is not None:
        columns = [f"c{k}" for k in range(job.confounds.shape[1])]
        files["confounds_files"] = str(
            write_signals(folder / "confounds.tsv", job.confounds, columns)
        )
    if job.high_variance:
        found = high_variance_confounds(lambda: iter_blocks(info), info.n_volumes)
        columns = [f"v{k}" for k in range(found.shape[1])]
        files["high_variance_file"] = str(write_signals(folder / "hv.tsv", found, columns))
    if job.sample_mask is not None:
        kept = folder / "kept.npy"
        np.save(kept, job.sample_mask)
        files["sample_mask_file"] = str(kept)
    inputs = CleaningInputs(run_id="run", signals_file=signals_file, **files)
    out_file, _ = clean_run(folder, inputs, Cleaning(**job.cleaning))
    return read_signals(out_file)


def nilearn_chain(
    job: Job, *, dtype: type | None = np.float64, masker_class: type = MultiNiftiMapsMasker
) -> np.ndarray:
    """Run nilearn on the same files; with ``dtype`` float64 its images are held in float64."""
    words = dict(job.cleaning)
    clean_args = {}
    for key in ("filter", "ensure_finite", "extrapolate"):
        if key in words:
            clean_args[key] = words.pop(key)
    for key in ("order", "padtype", "padlen"):
        if f"butterworth_{key}" in words:
            clean_args[f"butterworth__{key}"] = words.pop(f"butterworth_{key}")
    if "filter" in clean_args and clean_args["filter"] is None:
        clean_args["filter"] = False

    def image(path: Path) -> nib.Nifti1Image:
        stored = nib.load(path)
        data = np.asarray(stored.dataobj)
        return nib.Nifti1Image(data if dtype is None else data.astype(dtype), stored.affine)

    words = {"standardize": None, "detrend": False, "reports": False} | words
    # The maskers' check wants a number, which what they call does not need.
    per_axis = isinstance(job.smoothing_fwhm, tuple)
    masker = masker_class(
        image(job.maps), mask_img=job.mask, resampling_target=job.resampling_target,
        smoothing_fwhm=None if per_axis else job.smoothing_fwhm, allow_overlap=job.allow_overlap,
        high_variance_confounds=job.high_variance, keep_masked_maps=True,
        clean_args=clean_args, **words,
    )  # fmt: skip
    multi = masker_class is MultiNiftiMapsMasker
    listed = [image(job.run)] if multi else image(job.run)
    confounds = [job.confounds] if multi and job.confounds is not None else job.confounds
    sample_mask = [job.sample_mask] if multi and job.sample_mask is not None else job.sample_mask
    masker.fit(listed)
    masker.smoothing_fwhm = job.smoothing_fwhm
    signals = masker.transform(listed, confounds=confounds, sample_mask=sample_mask)
    return np.asarray(signals[0] if multi else signals)


def difference_sd(ours: np.ndarray, other: np.ndarray) -> float:
    """Give the largest difference in units of each signal's standard deviation."""
    assert ours.shape == other.shape, (ours.shape, other.shape)
    # A single volume, or a lost map, has none: its size is the unit.
    unit = other.std(axis=0)
    size = np.abs(other).max(axis=0)
    unit = np.where(unit > 1e-9 * size, unit, np.where(size > 0, size, 1.0))
    return float((np.abs(ours - other).max(axis=0) / unit).max())
