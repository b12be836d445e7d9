# SPDX-License-Identifier: Apache-2.0
"""`MultiNiftiMapsMasker`: runs of many subjects, under the reference's name and signature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nipype_mapsmasker.errors import ImageKindError, ParameterError
from nipype_mapsmasker.maskers.arguments import settings_of
from nipype_mapsmasker.maskers.images import is_image
from nipype_mapsmasker.maskers.single import NiftiMapsMasker

__all__ = ["MultiNiftiMapsMasker"]


class MultiNiftiMapsMasker(NiftiMapsMasker):
    """
    Extract region signals from the runs of many subjects.

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
    n_jobs : int
        Number of processes; -1 takes all cores. With more than one, runs are extracted by
        Nipype's MultiProc plugin; numbers do not depend on it.
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
    ...     signals = MultiNiftiMapsMasker(maps).fit_transform([run, run])
    ...     [table.shape for table in signals]
    [(80, 2), (80, 2)]
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
        n_jobs: int | None = 1,
        keep_masked_maps: bool = True,
        clean_args: dict[str, Any] | None = None,
        plugin: str | None = None,
        plugin_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.n_jobs = n_jobs
        super().__init__(
            maps_img=maps_img,
            mask_img=mask_img,
            allow_overlap=allow_overlap,
            smoothing_fwhm=smoothing_fwhm,
            standardize=standardize,
            standardize_confounds=standardize_confounds,
            high_variance_confounds=high_variance_confounds,
            detrend=detrend,
            low_pass=low_pass,
            high_pass=high_pass,
            t_r=t_r,
            dtype=dtype,
            resampling_target=resampling_target,
            memory=memory,
            memory_level=memory_level,
            verbose=verbose,
            reports=reports,
            cmap=cmap,
            keep_masked_maps=keep_masked_maps,
            clean_args=clean_args,
            plugin=plugin,
            plugin_args=plugin_args,
            **kwargs,
        )

    def _one_of(self, imgs: Any) -> Any:
        """Give the image whose grid is meant: the first."""
        return imgs if is_image(imgs) else _listed(imgs)[0]

    def transform(self, imgs: Any, confounds: Any = None, sample_mask: Any = None) -> Any:
        """
        Extract and clean the signals of one run or many.

        Parameters
        ----------
        imgs : image, or list of images
            Each as in `NiftiMapsMasker.transform`.
        confounds : list, optional
            One entry per image, each as in `NiftiMapsMasker.transform`, or None.
        sample_mask : list, optional
            One entry per image, each as in `NiftiMapsMasker.transform`, or None.

        Returns
        -------
        list of (T, K) ndarray or data frame
            One table per image, 1D for a 3D image; the table itself for a single image.
        """
        self._checked()
        for name, value in (("confounds", confounds), ("sample_mask", sample_mask)):
            if not (value is None or isinstance(value, list)):
                msg = (
                    f"'{name}' must be a None or a list, with one entry per image; got "
                    f"{type(value).__name__}."
                )
                raise TypeError(msg)
        if is_image(imgs):
            return self.transform_imgs([imgs], confounds, self.n_jobs, sample_mask)[0]
        return self.transform_imgs(imgs, confounds, self.n_jobs, sample_mask)

    def transform_imgs(
        self,
        imgs_list: Any,
        confounds: list[Any] | None = None,
        n_jobs: int | None = 1,
        sample_mask: list[Any] | None = None,
    ) -> list[Any]:
        """
        Extract and clean the signals of many runs.

        Parameters
        ----------
        imgs_list : list of images
            As in `transform`.
        confounds : list, optional
            As in `transform`.
        n_jobs : int
            Number of processes.
        sample_mask : list, optional
            As in `transform`.

        Returns
        -------
        list of (T, K) ndarray or data frame
            One table per image.
        """
        self._checked()
        images = _listed(imgs_list)
        given = {"confounds": confounds, "sample_mask": sample_mask}
        for name, value in given.items():
            if value is not None and len(value) != len(images):
                msg = (
                    f"number of {name} ({len(value)}) unequal to number of images "
                    f"({len(images)}); give one entry per image, None for none."
                )
                raise ParameterError(msg)
        nothing = [None for _ in images]
        return self._transform(images, confounds or nothing, sample_mask or nothing, n_jobs=n_jobs)

    def fit(self, imgs: Any = None, y: Any = None) -> Any:
        """
        Fit the maps to a grid: that of the first image, the mask or the maps.

        Parameters
        ----------
        imgs : image or list of images, optional
            Grids that differ from the first one's are fitted when they are transformed.
        y : None
            Not used; there for pipelines.

        Returns
        -------
        self
            The fitted masker.
        """
        settings_of(self)
        return super().fit(imgs, y)


def _listed(imgs: Any) -> list[Any]:
    """Give the images of a list; refuse what is no list of images."""
    if not isinstance(imgs, Iterable) or is_image(imgs):
        msg = f"A list of images is expected; got {type(imgs).__name__}."
        raise ImageKindError(msg)
    images = list(imgs)
    if not images:
        msg = "The list of images is empty; give at least one."
        raise ImageKindError(msg)
    return images
