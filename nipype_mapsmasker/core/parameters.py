# SPDX-License-Identifier: Apache-2.0
"""The parameters of the builders: what they are, and every check before anything is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from nipype_mapsmasker.core.names import check_label, node_label
from nipype_mapsmasker.core.strategy import Cleaning
from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "CONFOUND_FIELDS",
    "MaskerParameters",
    "check_strategy",
    "strategy_parameters",
]

CONFOUND_FIELDS = ("confounds_columns", "confounds_na")
"""Fields of a strategy that choose confounds; the others are those of ``Cleaning``."""

_CHOICES = {
    "resampling_target": ("data", "mask", "maps", None),
    "missing_voxels": ("zero", "exclude"),
    "interpolation": ("continuous", "linear", "nearest"),
    "on_error": ("raise", "record"),
    "output_format": ("tsv", "npy", "parquet"),
    "confounds_na": ("next", "zero", "error"),
}
_FLOAT_DTYPES = (None, "auto", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class MaskerParameters:
    """
    Hold every parameter of a masker workflow, in nilearn's words where it has one.

    Parameters
    ----------
    atlases : sequence of str
        Names of the atlases, in the order of the maps images.
    allow_overlap : bool
        Whether maps may share voxels.
    smoothing_fwhm : float, three floats or None
        Full width at half maximum in mm; 0 means none.
    resampling_target : {'data', 'mask', 'maps', None}
        Whose grid everything is brought to.
    keep_masked_maps : bool
        Whether maps that the mask removes stay as columns.
    min_coverage : float or None
        Coverage below which a signal is n/a.
    missing_voxels : {'zero', 'exclude'}
        What voxels without data count as.
    interpolation : {'continuous', 'linear', 'nearest'}
        How data are resampled.
    clip : bool
        Whether cubic resampling is clipped to the run's range.
    mask_threshold : float or None
        Where to cut a mask of probabilities.
    high_variance_confounds : bool
        Whether to find high-variance confounds and regress them out.
    n_confounds : int
        How many of them.
    percentile : float
        Share of voxels that they come from, percent.
    strategies : mapping of str to mapping
        Cleaning strategies by name, '' for one without a name.
    dtype : {None, 'auto', 'float32', 'float64'}
        Type that is written.
    output_format : {'tsv', 'npy', 'parquet'}
        Format that is written.
    inverse_transform : bool
        Whether to rebuild images from the cleaned signals.
    reports : bool
        Whether to make pages.
    displayed_maps : int, list of int or 'all'
        Maps on the pages.
    cmap : str
        Colour map of the background on the pages.
    on_error : {'raise', 'record'}
        What a fault of one run's data does.
    """

    atlases: Sequence[str] = ("maps",)
    allow_overlap: bool = True
    smoothing_fwhm: float | Sequence[float] | None = None
    resampling_target: Literal["data", "mask", "maps"] | None = "data"
    keep_masked_maps: bool = True
    min_coverage: float | None = None
    missing_voxels: Literal["zero", "exclude"] = "zero"
    interpolation: Literal["continuous", "linear", "nearest"] = "continuous"
    clip: bool = True
    mask_threshold: float | None = None
    high_variance_confounds: bool = False
    n_confounds: int = 5
    percentile: float = 2.0
    strategies: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    dtype: str | None = None
    output_format: Literal["tsv", "npy", "parquet"] = "tsv"
    inverse_transform: bool = False
    reports: bool = True
    displayed_maps: int | Sequence[int] | Literal["all"] = 10
    cmap: str = "CMRmap_r"
    on_error: Literal["raise", "record"] = "raise"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, allowed in _CHOICES.items():
            if name in CONFOUND_FIELDS:
                continue
            _check_choice(name, getattr(self, name), allowed)
        if self.dtype not in _FLOAT_DTYPES:
            msg = (
                f"dtype must be one of {list(_FLOAT_DTYPES)}; got {self.dtype!r}: an integer type "
                "would cut the signals' decimals off."
            )
            raise ParameterError(msg)
        if not self.atlases:
            msg = "atlases is empty; give one name per maps image."
            raise ParameterError(msg)
        for kind, names in (("atlas", self.atlases), ("strategy", self.strategies)):
            for name in names:
                if kind == "atlas" or name:
                    check_label(kind, name)
            # Nodes have no '+' and '-' in their names, and some disks do not tell A from a.
            if len({node_label(name).casefold() for name in names}) != len(names):
                msg = (
                    f"The {kind} names {list(names)} are not all different, '+', '-' and capitals "
                    "aside; rename one."
                )
                raise ParameterError(msg)
        if self.inverse_transform and not self.keep_masked_maps:
            msg = (
                "inverse_transform needs a signal for every map, and keep_masked_maps=False drops "
                "those of lost maps; set one of the two otherwise."
            )
            raise ParameterError(msg)
        self._check_smoothing()
        if self.min_coverage is not None and not 0 <= self.min_coverage <= 1:
            msg = f"min_coverage must lie between 0 and 1; got {self.min_coverage!r}."
            raise ParameterError(msg)
        if not self.strategies:
            msg = "strategies is empty; give at least one, or leave it out for the default."
            raise ParameterError(msg)
        for name, strategy in self.strategies.items():
            check_strategy(name, strategy)

    def _check_smoothing(self) -> None:
        fwhm = self.smoothing_fwhm
        widths = [fwhm] if isinstance(fwhm, int | float) else list(fwhm or [0.0])
        if len(widths) not in (1, 3) or not all(0 <= width < float("inf") for width in widths):
            msg = (
                "smoothing_fwhm must be one width in mm or three, none of them negative; "
                f"got {fwhm!r}. Use 0 or None for no smoothing."
            )
            raise ParameterError(msg)
        if any(widths) and self.missing_voxels == "exclude":
            msg = (
                "missing_voxels='exclude' cannot be combined with smoothing_fwhm: smoothing mixes "
                "missing and present voxels; drop one of the two."
            )
            raise ParameterError(msg)

    @property
    def fwhm(self) -> float | tuple[float, ...] | None:
        """The smoothing as the interfaces take it; None for none."""
        if self.smoothing_fwhm is None:
            return None
        if isinstance(self.smoothing_fwhm, int | float):
            return float(self.smoothing_fwhm) or None
        widths = tuple(float(width) for width in self.smoothing_fwhm)
        return (widths if any(widths) else None) if len(widths) == 3 else widths[0] or None

    def min_volumes(self) -> int:
        """Give the number of volumes that the longest filter needs."""
        needed = 2 if self.high_variance_confounds else 1
        for strategy in self.strategies.values():
            designed = _cleaning(strategy).butterworth()
            if designed is not None and designed.sections.size:
                needed = max(needed, designed.padding + 1)
        return needed

    def record(self) -> dict[str, Any]:
        """Give the parameters as plain values, for the files."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def strategy_parameters() -> list[str]:
    """
    Name everything that a strategy may set.

    Returns
    -------
    list of str
        Fields of ``Cleaning`` but ``t_r``, and the choice of confounds.
    """
    return [f.name for f in fields(Cleaning) if f.name != "t_r"] + list(CONFOUND_FIELDS)


def check_strategy(name: str, strategy: Mapping[str, Any]) -> None:
    """
    Refuse a strategy that cannot be meant.

    Parameters
    ----------
    name : str
        Its name, for the error.
    strategy : mapping
        Its fields.

    Raises
    ------
    ParameterError
        An unknown field, or values that cannot be.
    """
    unknown = sorted(set(strategy) - set(strategy_parameters()))
    if unknown:
        msg = (
            f"The strategy {name!r} sets {unknown}, which is not known; "
            f"expected among {strategy_parameters()}."
        )
        raise ParameterError(msg)
    if isinstance(strategy.get("confounds_columns"), str):
        msg = (
            f"The strategy {name!r} sets confounds_columns to the text "
            f"{strategy['confounds_columns']!r}; give a list of names or patterns."
        )
        raise ParameterError(msg)
    _check_choice("confounds_na", strategy.get("confounds_na", "next"), _CHOICES["confounds_na"])
    _cleaning(strategy).check()


def _cleaning(strategy: Mapping[str, Any]) -> Cleaning:
    """Make the cleaning of a strategy, with a stand-in for the runs' own repetition times."""
    values = {name: value for name, value in strategy.items() if name not in CONFOUND_FIELDS}
    # Short enough that no cut-off in Hz exceeds its Nyquist frequency.
    return replace(Cleaning(**values), t_r=1e-3)


def _check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a value that is not among those known."""
    if value not in allowed:
        msg = f"{name} must be one of {list(allowed)}; got {value!r}."
        raise ParameterError(msg)


def _plain(value: Any) -> Any:
    """Turn tuples and mappings into what JSON knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
