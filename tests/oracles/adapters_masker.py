# SPDX-License-Identifier: Apache-2.0
"""
Our chain under the names and methods of nilearn 0.14.1's two maskers, as far as their tests go.

Images are written to files and read back by our readers; all numbers are ours. The deprecation
of ``keep_masked_maps`` and the warning of non-finite data are emitted for tests that want them.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from nibabel import Nifti1Image
from nilearn.exceptions import DimensionError
from nilearn.image import check_niimg

from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.grids import same_grid
from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.core.maps import check_no_overlap
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.maps import load_maps, open_maps
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.steps.extract import extract_run, write_extraction
from nipype_mapsmasker.steps.fit import fit_space

__all__ = ["MultiNiftiMapsMasker", "NiftiMapsMasker"]

TEXTS = {
    r"contains no map": "maps_img contains no map",
    r"No map has any weight left inside the mask": "No map left after applying mask to the maps "
    "image",
    r"is empty once it is resampled": "No map left after applying mask to the maps image",
    r"No map has any weight left inside the field": "No map left after resampling",
    r"do not overlap anywhere in space": "No map left after resampling",
    r"=None wants one grid": "Following field of view errors were detected",
    r"='mask' needs": "resampling_target has been set to 'mask' but no mask has been provided.",
}
"""Parts of our messages, and what nilearn's tests look for instead."""


class NiftiMapsMasker:
    """One run at a time."""

    def __init__(
        self, maps_img: Any = None, mask_img: Any = None, resampling_target: Any = "data",
        keep_masked_maps: bool = False, allow_overlap: bool = True, standardize: Any = None,
    ) -> None:  # fmt: skip
        del standardize
        self.maps_img, self.mask_img = maps_img, mask_img
        self.target, self.keep, self.allow_overlap = (
            resampling_target, keep_masked_maps, allow_overlap,
        )  # fmt: skip
        self.folder = Path(tempfile.mkdtemp(prefix="maskers-"))

    def fit(self, imgs: Any = None) -> Any:
        try:
            return self._fit(imgs)
        except ValueError as error:
            raise type(error)(self._translate(str(error))) from error

    def transform(self, imgs: Any) -> Any:
        image = self._image(imgs)
        try:
            # With target 'data' the run says which grid is meant.
            if self.target in ("data", None):
                self._fit(image)
            if self.keep and self.mask_img is not None:
                text = '"keep_masked_maps" parameter will be removed in version 0.15'
                warnings.warn(text, FutureWarning, stacklevel=2)
            if not np.isfinite(np.asarray(image.dataobj)).all():
                warnings.warn("Non-finite values detected.", UserWarning, stacklevel=2)
            info = read_info(self._save("run", image))
            operator = save_operator(self.folder / "operator.npz", self.operator)
            run = extract_run(info, [operator])
        except ValueError as error:
            raise type(error)(self._translate(str(error))) from error
        files = write_extraction(self.folder, run, keep_masked_maps=self.keep)
        return read_signals(files["signals_files"][0])[0]

    def fit_transform(self, imgs: Any) -> Any:
        self._image(imgs)
        return self.fit(None if self.target in ("data", None) else imgs).transform(imgs)

    def inverse_transform(self, signals: Any) -> Any:
        volumes = np.concatenate(list(reconstruct(signals, self.maps)))
        data = volumes.T.reshape((*self.maps.grid.shape, -1), order="F")
        return Nifti1Image(data, self.maps.grid.affine)

    @property
    def n_elements_(self) -> int:
        return self.operator.n_maps

    @property
    def maps_img_(self) -> Any:
        return Nifti1Image(np.stack(list(self.maps.volumes()), axis=-1), self.maps.grid.affine)

    @property
    def mask_img_(self) -> Any:
        shape = self.maps.grid.shape
        inside = np.ones(shape) if self.mask is None else self.mask.reshape(shape, order="F")
        return Nifti1Image(inside.astype(np.uint8), self.maps.grid.affine)

    def _fit(self, imgs: Any) -> Any:
        if self.target not in ("data", "mask", "maps", None):
            msg = "'resampling_target' must be one of"
            raise ValueError(msg)
        if self.maps_img is None:
            msg = "input should be a NiftiLike object"
            raise TypeError(msg)
        maps = open_maps(self._save("maps", self.maps_img))
        mask = None if self.mask_img is None else self._save("mask", self.mask_img)
        if imgs is None and self.target == "data":
            # nilearn fits on the maps' grid until it sees data.
            target, self.mask = maps.grid, None
        else:
            reference = None if imgs is None else self._save("run", imgs)
            target, self.mask = fit_space(
                maps, mask_file=mask, reference_file=reference, resampling_target=self.target
            )
        self.maps = load_maps(maps, target, self.mask)
        names = maps.names()
        if not self.allow_overlap:
            check_no_overlap(self.maps, names)
        self.operator = fit_maps(self.maps, names)
        assert same_grid(self.maps.grid, target)
        return self

    def _image(self, imgs: Any) -> Any:
        if isinstance(imgs, list):
            raise DimensionError(5, 4)
        return check_niimg(imgs)

    def _save(self, name: str, image: Any) -> Path:
        path = self.folder / f"{name}.nii"
        check_niimg(image).to_filename(path)
        return path

    @staticmethod
    def _translate(text: str) -> str:
        return next((theirs for ours, theirs in TEXTS.items() if re.search(ours, text)), text)


class MultiNiftiMapsMasker(NiftiMapsMasker):
    """One run, or a list of them."""

    def fit(self, imgs: Any = None) -> Any:
        return super().fit(imgs[0] if isinstance(imgs, list) else imgs)

    def fit_transform(self, imgs: Any) -> Any:
        if isinstance(imgs, list):
            return [super(MultiNiftiMapsMasker, self).fit_transform(img) for img in imgs]
        return super().fit_transform(imgs)
