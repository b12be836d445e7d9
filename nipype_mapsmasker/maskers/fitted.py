# SPDX-License-Identifier: Apache-2.0
"""Maps as they were when a masker was fitted, and their operators, one per grid."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.maps import MapsMatrix, check_no_overlap
from nipype_mapsmasker.core.parameters import ALGORITHM
from nipype_mapsmasker.errors import ImageKindError
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.maps import MapsImage, load_maps, mask_on_grid, open_maps, read_mask
from nipype_mapsmasker.io.sidecars import checksum
from nipype_mapsmasker.maskers.arguments import Settings
from nipype_mapsmasker.maskers.folder import OwnFolder
from nipype_mapsmasker.maskers.images import grid_file, to_file
from nipype_mapsmasker.steps.fit import fit_space

__all__ = ["FittedMaps"]


class FittedMaps:
    """
    Hold maps, mask and settings of a fit, and the operators made of them.

    Parameters
    ----------
    maps_img, mask_img : image or None
        As the user gave them.
    settings : Settings
        As they were at the fit.
    data_grid : Grid or None
        Grid of the images that were given to the fit.
    kept_in : Path or None
        Folder in which operators outlive this object; None keeps them in a folder of its own.

    Notes
    -----
    ``reported`` holds what the report shows of the last transform; it is here because a
    transform must not change the masker itself.
    """

    def __init__(
        self,
        maps_img: Any,
        mask_img: Any,
        settings: Settings,
        data_grid: Grid | None,
        kept_in: Path | None = None,
    ) -> None:
        if maps_img is None:
            msg = "maps_img is None; give the image of the maps: a path, or an image of nibabel."
            raise ImageKindError(msg)
        self._maps_img, self._mask_img = maps_img, mask_img
        self.settings = settings
        self._kept_in = kept_in
        self._operators: list[tuple[Grid, Path]] = []
        self.reported: tuple[Any, ...] = ()
        self._open()
        target = settings.fitting.resampling_target
        if target == "data" and data_grid is None:
            # Which grid is meant is known with the first image that is transformed.
            self.grid, self._is_own = self._maps.grid, True
            if self._mask_file is not None:
                read_mask(self._mask_file)
        else:
            self.grid, self._is_own = self._space(data_grid)[0], False
            self.operator_for(data_grid)

    def _open(self) -> None:
        """Bring maps and mask to files."""
        self.folder = OwnFolder()
        path = self.folder.path
        self._maps: MapsImage = open_maps(to_file(self._maps_img, path, "maps").path)
        self._mask_file = (
            None if self._mask_img is None else to_file(self._mask_img, path, "mask").path
        )

    @property
    def n_maps(self) -> int:
        """Number of maps K."""
        return self._maps.n_maps

    @property
    def names(self) -> list[str]:
        """Names of the maps."""
        return self._maps.names()

    @property
    def resamples_data(self) -> bool:
        """Whether runs on another grid than the fit's are resampled to it, or refused."""
        return self.settings.fitting.resampling_target is not None

    def operator_for(self, data_grid: Grid | None) -> Path:
        """Give the operator for runs on a grid, fitting it if it is the first one there."""
        follows = self.settings.fitting.resampling_target == "data" and data_grid is not None
        wanted = data_grid if follows and data_grid is not None else self.grid
        for grid, path in self._operators:
            if same_grid(grid, wanted):
                return path
        path = self._fit(data_grid, wanted)
        self._operators.append((wanted, path))
        return path

    def _fit(self, data_grid: Grid | None, wanted: Grid) -> Path:
        """Fit the maps to a grid, or find the fit of an earlier session."""
        path = self.folder.path / f"operator-{len(self._operators)}.npz"
        if self._kept_in is not None:
            self._kept_in.mkdir(parents=True, exist_ok=True)
            path = self._kept_in / f"operator-{self._key(wanted)}.npz"
            if path.exists():
                return path
        _, mask = self._space(data_grid)
        maps = load_maps(self._maps, wanted, mask, mask_file=self._mask_file)
        if not self.settings.fitting.allow_overlap:
            check_no_overlap(maps, self.names)
        return save_operator(path, fit_maps(maps, self.names, self.settings.fitting.fwhm))

    def _space(self, data_grid: Grid | None) -> tuple[Grid, NDArray[np.bool_] | None]:
        """Decide the grid of a fit, and bring the mask onto it."""
        reference = None
        if data_grid is not None:
            reference = grid_file(data_grid, self.folder.path / "grid.nii")
        return fit_space(
            self._maps,
            mask_file=self._mask_file,
            reference_file=reference,
            resampling_target=self.settings.fitting.resampling_target,
        )

    def _key(self, grid: Grid) -> str:
        """Name what an operator depends on."""
        files = [checksum(f) for f in (self._maps.path, self._mask_file) if f is not None]
        parts = [ALGORITHM, *files, self.settings.fitting, grid.shape, grid.affine.tolist()]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def matrix(self) -> MapsMatrix:
        """Read the masked maps on the grid of the fit."""
        mask = None
        if self._mask_file is not None:
            mask = np.zeros(self.grid.n_voxels, dtype=bool)
            mask[mask_on_grid(self._mask_file, self.grid)] = True
        return load_maps(self._maps, self.grid, mask, mask_file=self._mask_file)

    def maps_image(self) -> nib.Nifti1Image:
        """Make the image of the maps on the grid of the fit, unmasked."""
        maps = load_maps(self._maps, self.grid)
        data = np.empty((*self.grid.shape, maps.n_maps), order="F")
        for number, volume in enumerate(maps.volumes()):
            data[..., number] = volume
        return nib.Nifti1Image(data, self.grid.affine)

    def mask_image(self) -> nib.Nifti1Image | None:
        """Make the image of the mask on the grid of the fit; None where there is no mask."""
        if self._mask_file is None:
            return None
        # Without data nothing says yet which grid the mask is wanted on.
        grid = read_mask(self._mask_file)[0] if self._is_own else self.grid
        data = np.zeros(grid.n_voxels, dtype=np.uint8)
        data[mask_on_grid(self._mask_file, grid)] = 1
        return nib.Nifti1Image(data.reshape(grid.shape, order="F"), grid.affine)

    def __getstate__(self) -> dict[str, Any]:
        """Carry the operators along: files belong to one object alone."""
        state = {name: self.__dict__[name] for name in self.__dict__}
        for name in ("folder", "_maps", "_mask_file"):
            del state[name]
        state["reported"] = ()
        state["_operators"] = [(grid, path.read_bytes()) for grid, path in self._operators]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()
        self._operators = []
        for number, (grid, data) in enumerate(state["_operators"]):
            path = self.folder.path / f"operator-{number}.npz"
            path.write_bytes(data)
            self._operators.append((grid, path))
