# SPDX-License-Identifier: Apache-2.0
"""All parameters of a masker workflow together, and the checks on how they go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nipype_mapsmasker.core.names import check_label, node_label
from nipype_mapsmasker.core.parameters.cleaning import (
    Cleaning,
    CleaningParameters,
    ConfoundParameters,
)
from nipype_mapsmasker.core.parameters.declare import (
    check_values,
    parameter,
    parameters_of,
    values_of,
)
from nipype_mapsmasker.core.parameters.extraction import ExtractionParameters, FittingParameters
from nipype_mapsmasker.core.parameters.output import (
    HighVarianceParameters,
    OutputParameters,
    PageParameters,
)
from nipype_mapsmasker.errors import ParameterError

__all__ = ["AFTER_EXTRACTION", "EXTRACTION", "STRATEGY", "MaskerParameters"]

EXTRACTION = (FittingParameters, ExtractionParameters)
"""What the raw signals depend on."""

STRATEGY = (ConfoundParameters, CleaningParameters)
"""What each strategy may set for itself."""

AFTER_EXTRACTION = (HighVarianceParameters, *STRATEGY, OutputParameters, PageParameters)
"""What only the results made from the raw signals depend on."""


@dataclass(frozen=True, kw_only=True)
class MaskerParameters(
    PageParameters,
    OutputParameters,
    CleaningParameters,
    ConfoundParameters,
    HighVarianceParameters,
    ExtractionParameters,
    FittingParameters,
):
    """
    Hold every parameter of a masker workflow, in nilearn's words where it has one.

    The fields of cleaning are the default of every strategy; `strategies` sets some of them anew
    under a name.

    Examples
    --------
    >>> params = MaskerParameters(detrend=True, strategies={"a": {}, "b": {"detrend": False}})
    >>> [values["detrend"] for values in params.cleanings().values()]
    [True, False]
    """

    atlases: Sequence[str] = parameter(
        ("maps",), "names of the atlases, in the order of the maps images"
    )
    strategies: Mapping[str, Mapping[str, Any]] | None = parameter(
        None,
        "cleaning strategies by name, each a mapping of the fields of cleaning that it sets "
        "anew; None is one strategy without a name",
    )
    on_error: Literal["raise", "record"] = parameter(
        "raise",
        "what a fault of one run's data does: stop all, or be written down while the other runs "
        "go on",
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense, alone or together."""
        FittingParameters.__post_init__(self)
        if not self.atlases:
            msg = "atlases is empty; give one name per maps image."
            raise ParameterError(msg)
        if self.strategies is not None and not self.strategies:
            msg = "strategies is empty; give at least one, or leave it out for the default."
            raise ParameterError(msg)
        self._check_names()
        if self.inverse_transform and not self.keep_masked_maps:
            msg = (
                "inverse_transform needs a signal for every map, and keep_masked_maps=False drops "
                "those of lost maps; set one of the two otherwise."
            )
            raise ParameterError(msg)
        if self.fwhm is not None and self.missing_voxels == "exclude":
            msg = (
                "missing_voxels='exclude' cannot be combined with smoothing_fwhm: smoothing mixes "
                "missing and present voxels; drop one of the two."
            )
            raise ParameterError(msg)
        for name, strategy in (self.strategies or {"": {}}).items():
            self._check_strategy(name, strategy)

    def _check_names(self) -> None:
        """Refuse names that cannot be part of files and nodes, or that would be one of them."""
        for kind, names in (("atlas", self.atlases), ("strategy", self.strategies or ())):
            for name in names:
                # DiFuMo:64 is an atlas and its scale.
                parts = name.split(":", 1) if kind == "atlas" else [name] if name else []
                for part in parts:
                    check_label(kind, part)
            # Nodes have no '+' and '-' in their names, and some disks do not tell A from a.
            if len({node_label(name).casefold() for name in names}) != len(names):
                msg = (
                    f"The {kind} names {list(names)} are not all different, '+', '-' and capitals "
                    "aside; rename one."
                )
                raise ParameterError(msg)

    def _check_strategy(self, name: str, strategy: Mapping[str, Any]) -> None:
        """Refuse a strategy with unknown fields or values that make no sense."""
        known = [field for cls in STRATEGY for field in parameters_of(cls)]
        unknown = sorted(set(strategy) - set(known))
        if unknown:
            msg = (
                f"The strategy {name!r} sets {unknown}, which is not known; "
                f"expected among {known}."
            )
            raise ParameterError(msg)
        values = self.cleanings()[name]
        if isinstance(values["confounds_columns"], str):
            msg = (
                f"The strategy {name!r} sets confounds_columns to the text "
                f"{values['confounds_columns']!r}; give a list of names or patterns."
            )
            raise ParameterError(msg)
        check_values(ConfoundParameters(**_part(values, ConfoundParameters)))
        _cleaning(values).check()

    def cleanings(self) -> dict[str, dict[str, Any]]:
        """Give the strategies by name, each with a value for every field of cleaning."""
        shared = values_of(self, *STRATEGY)
        strategies = {"": {}} if self.strategies is None else self.strategies
        return {name: shared | dict(strategy) for name, strategy in strategies.items()}

    def extraction(self) -> dict[str, Any]:
        """Give what the raw signals depend on, by name."""
        return values_of(self, *EXTRACTION)

    def after_extraction(self) -> dict[str, Any]:
        """Give what only the results made from the raw signals depend on, by name."""
        return values_of(self, *AFTER_EXTRACTION) | {"strategies": self.cleanings()}

    def min_volumes(self) -> int:
        """Give the number of volumes that the longest filter needs."""
        needed = 2 if self.high_variance_confounds else 1
        for values in self.cleanings().values():
            designed = _cleaning(values).butterworth()
            if designed is not None and designed.sections.size:
                needed = max(needed, designed.padding + 1)
        return needed

    def record(self) -> dict[str, Any]:
        """Give the parameters as plain values, for the files."""
        return {name: _plain(value) for name, value in values_of(self, MaskerParameters).items()}


def _part(values: Mapping[str, Any], cls: type) -> dict[str, Any]:
    """Take the fields of one dataclass out of a strategy."""
    return {name: values[name] for name in parameters_of(cls)}


def _cleaning(values: Mapping[str, Any]) -> Cleaning:
    """Make the cleaning of a strategy, with a stand-in for the runs' own repetition times."""
    # Short enough that no cut-off in Hz exceeds its Nyquist frequency.
    return replace(Cleaning(**_part(values, CleaningParameters)), t_r=1e-3)


def _plain(value: Any) -> Any:
    """Turn tuples and mappings into what JSON knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
