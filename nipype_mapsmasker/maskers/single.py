# SPDX-License-Identifier: Apache-2.0
"""`NiftiMapsMasker`: one run at a time, under the reference's name and signature."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nipype_mapsmasker.core.cleaning import clean
from nipype_mapsmasker.errors import DataFault, ParameterError
from nipype_mapsmasker.io.fitted import load_operator
from nipype_mapsmasker.maskers.arguments import n_processes, settings_of
from nipype_mapsmasker.maskers.extraction import (
    Engine,
    RawRun,
    extract_here,
    extract_in_workflow,
)
from nipype_mapsmasker.maskers.fitted import FittedMaps
from nipype_mapsmasker.maskers.images import grid_of, take_image, to_file
from nipype_mapsmasker.maskers.outputs import FittedMasker
from nipype_mapsmasker.maskers.report import ReportedRun
from nipype_mapsmasker.maskers.sklearn_face import in_container
from nipype_mapsmasker.maskers.tables import confounds_array, sample_mask_array
from nipype_mapsmasker.maskers.telling import told

__all__ = ["NiftiMapsMasker"]


class NiftiMapsMasker(FittedMasker):
    """
    Extract region signals from one run at a time.

    The signals of a volume are the least-squares coefficients of all maps together, so that maps
    may overlap. Arguments, their order and their defaults are those of nilearn's class of this
    name; docs/reference/maskers.md compares each one.

    Parameters
    ----------
    maps_img : image
        4D image of weights, or 3D image of labels, each of which is a map of ones: a path or an
        image of nibabel.
    mask_img : image, optional
        Binary mask of the voxels in use.
    allow_overlap : bool
        False refuses maps that share voxels.
    smoothing_fwhm : float or three floats, optional
        Full width at half maximum of Gaussian smoothing, mm.
    standardize : {False, True, None, 'zscore', 'zscore_sample', 'psc'}
        What signals are divided by. True is 'zscore': the population's standard deviation.
    standardize_confounds : bool
        Whether confounds are standardised before they are regressed out.
    high_variance_confounds : bool
        Whether to find and regress out the time courses of the voxels that vary most.
    detrend : bool
        Whether mean and line are removed.
    low_pass : float, optional
        Upper cut-off, Hz.
    high_pass : float, optional
        Lower cut-off, Hz.
    t_r : float, optional
        Repetition time, s; filters need it.
    dtype : {None, 'auto'} or floating-point type
        Of the signals; None is float64, 'auto' float32. All is computed in float64.
    resampling_target : {'data', 'mask', 'maps', None}
        Whose grid everything is brought to.
    memory : path or joblib.Memory, optional
        Where fits and extractions are kept and found again, with ``memory_level`` of 1 or more.
    memory_level : int
        0 keeps nothing.
    verbose : int
        0 is silent, 1 tells of the steps, 2 of everything.
    reports : bool
        Whether to keep, small, what `generate_report` shows of the runs.
    cmap : str
        Colours of the mean image in the report.
    keep_masked_maps : bool
        Whether maps without weight in the mask stay, as columns of zeros.
    clean_args : dict, optional
        Further arguments of the cleaning: ``filter``, ``ensure_finite``, ``extrapolate``,
        ``butterworth__order``, ``butterworth__padtype``, ``butterworth__padlen``.
    plugin : {None, 'Linear', 'MultiProc', 'SLURM'}
        Nipype's engine; None chooses by ``n_jobs`` and ``memory_level``.
    plugin_args : dict, optional
        Its arguments.
    **kwargs
        The entries of ``clean_args``, each with ``clean__`` before its name.

    Attributes
    ----------
    maps_img_ : nibabel.nifti1.Nifti1Image
        The maps on the grid of the fit.
    mask_img_ : nibabel.nifti1.Nifti1Image or None
        The mask on the grid of the fit.
    n_elements_ : int
        Number of maps.
    clean_args_ : dict
        All arguments of the cleaning that were given.
    memory_ : str or None
        The folder in which results are kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nipype_mapsmasker.testing import make_maps_file, make_run_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = make_maps_file(Path(folder, "maps.nii.gz"), n_maps=2)
    ...     run = make_run_file(Path(folder, "bold.nii"), n_maps=2, n_volumes=80)
    ...     NiftiMapsMasker(maps, standardize="zscore").fit_transform(run).shape
    (80, 2)
    """

    def __init__(
        self,
        maps_img: Any = None,
        mask_img: Any = None,
        allow_overlap: bool = True,
        smoothing_fwhm: Any = None,
        standardize: Any = False,
        standardize_confounds: bool = True,
        high_variance_confounds: bool = False,
        detrend: bool = False,
        low_pass: float | None = None,
        high_pass: float | None = None,
        t_r: float | None = None,
        dtype: Any = None,
        resampling_target: str | None = "data",
        memory: Any = None,
        memory_level: int = 0,
        verbose: int = 0,
        reports: bool = True,
        cmap: str = "CMRmap_r",
        keep_masked_maps: bool = True,
        clean_args: dict[str, Any] | None = None,
        plugin: str | None = None,
        plugin_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.maps_img = maps_img
        self.mask_img = mask_img
        self.allow_overlap = allow_overlap
        self.smoothing_fwhm = smoothing_fwhm
        self.standardize = standardize
        self.standardize_confounds = standardize_confounds
        self.high_variance_confounds = high_variance_confounds
        self.detrend = detrend
        self.low_pass = low_pass
        self.high_pass = high_pass
        self.t_r = t_r
        self.dtype = dtype
        self.resampling_target = resampling_target
        self.memory = memory
        self.memory_level = memory_level
        self.verbose = verbose
        self.reports = reports
        self.cmap = cmap
        self.keep_masked_maps = keep_masked_maps
        self.clean_args = clean_args
        self.plugin = plugin
        self.plugin_args = plugin_args
        self._take_clean_keywords(kwargs)

    # Fit

    def fit(self, imgs: Any = None, y: Any = None) -> Any:
        """
        Fit the maps to a grid: that of the images, the mask or the maps.

        Parameters
        ----------
        imgs : image, optional
            Says which grid is meant by ``resampling_target='data'``; without, the first
            transform does.
        y : None
            Not used; there for pipelines.

        Returns
        -------
        self
            The fitted masker.
        """
        del y
        settings = settings_of(self)
        with told(self.verbose) as tell, tempfile.TemporaryDirectory() as folder:
            grid = None
            if imgs is not None:
                grid = grid_of(self._one_of(imgs), Path(folder))
            tell.info("Fitting the maps.")
            self._fitted = FittedMaps(
                self.maps_img, self.mask_img, settings, grid, self._kept("operators")
            )
            tell.info("The maps are fitted.")
        self.clean_args_ = {
            **dict(self.clean_args or {}),
            **{name.removeprefix("clean__"): v for name, v in self._clean_kwargs.items()},
        }
        self.memory_ = None if self._kept("") is None else str(self._kept(""))
        return self

    def _one_of(self, imgs: Any) -> Any:
        """Give the image whose grid is meant."""
        return imgs

    # Transform

    def transform(self, imgs: Any, confounds: Any = None, sample_mask: Any = None) -> Any:
        """
        Extract and clean the signals of a run.

        Parameters
        ----------
        imgs : image
            3D or 4D: a path, a pattern, an image of nibabel, or a list of 3D images.
        confounds : array, data frame, path, or list of these, optional
            One row per volume.
        sample_mask : booleans, indices or slice, optional
            Volumes to keep.

        Returns
        -------
        (T, K) ndarray or data frame
            One column per map; 1D for a 3D image.
        """
        return self._transform([imgs], [confounds], [sample_mask])[0]

    def fit_transform(
        self, imgs: Any, y: Any = None, confounds: Any = None, sample_mask: Any = None
    ) -> Any:
        """
        Fit and transform the same images; see `fit` and `transform`.

        Parameters
        ----------
        imgs : image
            As in `transform`.
        y : None
            Not used.
        confounds, sample_mask
            As in `transform`.

        Returns
        -------
        (T, K) ndarray or data frame
            As in `transform`.
        """
        return self.fit(imgs, y).transform(imgs, confounds=confounds, sample_mask=sample_mask)

    def transform_single_imgs(
        self, imgs: Any, confounds: Any = None, sample_mask: Any = None
    ) -> Any:
        """
        Extract and clean the signals of a run, without finding high-variance confounds.

        Parameters
        ----------
        imgs, confounds, sample_mask
            As in `transform`.

        Returns
        -------
        (T, K) ndarray or data frame
            As in `transform`.
        """
        return self._transform([imgs], [confounds], [sample_mask], high_variance=False)[0]

    def _transform(
        self,
        imgs: Sequence[Any],
        confounds: Sequence[Any],
        sample_masks: Sequence[Any],
        *,
        n_jobs: int | None = 1,
        high_variance: bool | None = None,
    ) -> list[Any]:
        """Extract and clean several runs."""
        fitted, settings = self._checked(), settings_of(self)
        if high_variance is None:
            high_variance = settings.high_variance_confounds
        with told(self.verbose) as tell, tempfile.TemporaryDirectory() as folder:
            engine = self._engine(n_jobs, len(imgs))
            take = take_image if engine is None else to_file  # for other processes
            runs = []
            for number, image in enumerate(imgs):
                info = take(image, Path(folder), f"run-{number}")
                settings.cleaning.check(info.n_volumes)
                runs.append((info, fitted.operator_for(info.grid)))
            tell.info("Extracting the signals of %d runs.", len(runs))
            options: dict[str, Any] = {
                "resample": fitted.resamples_data,
                "high_variance": high_variance,
            }
            if engine is None:
                raw = [extract_here(*run, **options) for run in runs]
            else:
                raw = extract_in_workflow(
                    runs, engine, Path(folder), for_pages=settings.reports, **options
                )
        tell.info("Cleaning the signals.")
        reported: list[ReportedRun] = []
        results = [
            self._clean(run, confounds[k], sample_masks[k], reported) for k, run in enumerate(raw)
        ]
        fitted.reported = tuple(reported)
        return results

    def _clean(
        self, run: RawRun, confounds: Any, sample_mask: Any, reported: list[ReportedRun]
    ) -> Any:
        """Clean one run's signals, and give them the form that is wanted."""
        settings = settings_of(self)
        n_volumes = len(run.signals)
        try:
            regressors, names = confounds_array(confounds, n_volumes)
            keep = sample_mask_array(sample_mask, n_volumes)
            if run.high_variance is not None:
                found = run.high_variance
                names = [f"high_variance_{k:02d}" for k in range(found.shape[1])] + names
                regressors = found if regressors is None else np.hstack([found, regressors])
            cleaned, summary = clean(
                run.signals, settings.cleaning, confounds=regressors, sample_mask=keep
            )
        except DataFault as error:
            error.add_note(f"The run is {run.info.path.name}.")
            raise
        if settings.reports:
            reported.append(ReportedRun.of(run, cleaned, keep, regressors, names, summary))
        columns = list(load_operator(run.operator_file).names)
        if not settings.keep_masked_maps:
            kept = ~load_operator(run.operator_file).lost
            cleaned = cleaned[:, kept]
            columns = [name for name, is_kept in zip(columns, kept, strict=True) if is_kept]
        signals = cleaned.astype(settings.dtype or np.float64, copy=False)
        kind = self._container()
        if kind == "default" and run.info.ndim == 3:
            signals = signals[0]
        return in_container(kind, signals, columns)

    def _engine(self, n_jobs: int | None, n_runs: int) -> Engine | None:
        """Choose the engine; None calls the steps in this process, without a graph."""
        n_procs = n_processes(n_jobs)
        kept = self._kept("work")
        if self.plugin is None and kept is None and min(n_procs, n_runs) == 1:
            return None
        plugin = self.plugin or ("MultiProc" if min(n_procs, n_runs) > 1 else "Linear")
        return Engine(plugin=plugin, n_procs=n_procs, plugin_args=self.plugin_args, base_dir=kept)

    def _kept(self, name: str) -> Path | None:
        """Give the folder in which something outlives the call."""
        place = getattr(self.memory, "location", self.memory)
        if place is not None and not isinstance(place, str | os.PathLike):
            msg = f"memory must be a path or a joblib.Memory; got {self.memory!r}."
            raise ParameterError(msg)
        if place is None or not self.memory_level:
            return None
        return Path(place).expanduser().absolute() / "nipype_mapsmasker" / name
