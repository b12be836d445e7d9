# SPDX-License-Identifier: Apache-2.0
"""What a fitted masker has to give: attributes, names, images from signals, its report."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.maskers.arguments import settings_of
from nipype_mapsmasker.maskers.fitted import FittedMaps
from nipype_mapsmasker.maskers.report import MaskerReport, make_report
from nipype_mapsmasker.maskers.sklearn_face import (
    CleanKeywords,
    NotFittedError,
    default_container,
    in_container,
)

__all__ = ["FittedMasker"]


class FittedMasker(CleanKeywords):
    """A masker as far as it does not read runs."""

    _fitted: FittedMaps | None = None
    _sklearn_output_config: dict[str, str] = {}

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def _checked(self) -> FittedMaps:
        """Give the fit, or say that there is none."""
        if self._fitted is None:
            msg = (
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with "
                "appropriate arguments before using this estimator."
            )
            raise NotFittedError(msg)
        return self._fitted

    @property
    def maps_img_(self) -> Any:
        """The maps on the grid of the fit."""
        return self._attribute("maps_img_").maps_image()

    @property
    def mask_img_(self) -> Any:
        """The mask on the grid of the fit."""
        return self._attribute("mask_img_").mask_image()

    @property
    def n_elements_(self) -> int:
        """Number of maps."""
        return self._attribute("n_elements_").n_maps

    def _attribute(self, name: str) -> FittedMaps:
        if self._fitted is None:
            msg = f"{type(self).__name__} has no attribute {name!r} before it is fitted."
            raise AttributeError(msg)
        return self._fitted

    def set_output(self, *, transform: str | None = None) -> Any:
        """
        Choose what `transform` gives.

        Parameters
        ----------
        transform : {'default', 'pandas', 'polars'}, optional
            Arrays, or data frames with the maps' names; None leaves it as it is.

        Returns
        -------
        self
            The masker.
        """
        if transform is not None:
            if transform != "default":
                in_container(transform, np.zeros((1, 1)), ["one"])
            self._sklearn_output_config = {"transform": transform}
        return self

    def _container(self) -> str:
        """Tell what `transform` gives: by `set_output`, else by scikit-learn's setting."""
        chosen = self._sklearn_output_config.get("transform")
        if chosen is None:
            return default_container()
        return chosen

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """
        Name the columns of the signals.

        Parameters
        ----------
        input_features : None
            Not used.

        Returns
        -------
        (K,) ndarray of str
            The maps' names.
        """
        del input_features
        return np.array(self._checked().names, dtype=object)

    def inverse_transform(self, region_signals: Any) -> nib.Nifti1Image:
        """
        Rebuild images from signals: the sum of the maps, each times its signal.

        Parameters
        ----------
        region_signals : (T, K) or (K,) array or data frame
            One column per map.

        Returns
        -------
        nibabel.nifti1.Nifti1Image
            4D, or 3D for a 1D array; 0 outside the mask.
        """
        fitted = self._checked()
        given = region_signals
        signals = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
        expected = fitted.n_maps
        if signals.ndim not in (1, 2) or signals.shape[-1] != expected:
            msg = (
                "Input to 'inverse_transform' has wrong shape: one column for each of the "
                f"{expected} maps is expected; got {signals.shape}."
            )
            raise SignalError(msg)
        dtype = settings_of(self).dtype
        kind = signals.dtype if signals.dtype.kind == "f" else np.dtype(np.float64)
        maps = fitted.matrix()
        table = np.atleast_2d(signals)
        data = np.empty((*fitted.grid.shape, len(table)), dtype=dtype or kind, order="F")
        done = 0
        for block in reconstruct(table.astype(np.float64), maps):
            volumes = block.reshape(len(block), *fitted.grid.shape[::-1]).T
            data[..., done : done + len(block)] = volumes
            done += len(block)
        return nib.Nifti1Image(data[..., 0] if signals.ndim == 1 else data, fitted.grid.affine)

    def generate_report(
        self, displayed_maps: Any = 10, *, title: str | None = None, engine: Any = None
    ) -> MaskerReport:
        """
        Make the pages of all runs of the last transform, or of the maps alone.

        Parameters
        ----------
        displayed_maps : int, list of int, or 'all'
            Maps in the pages.
        title : str, optional
            Heading; by default the class's name.
        engine : object
            Not used; the reference chooses how its figures are drawn.

        Returns
        -------
        MaskerReport
            To be shown in a notebook, opened or saved.
        """
        del engine
        return make_report(
            self._fitted,
            title=title or type(self).__name__,
            displayed_maps=displayed_maps,
            cmap=self.cmap,
            reports=self.reports,
            parameters=self.get_params(),
        )
