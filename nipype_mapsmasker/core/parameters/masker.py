# SPDX-License-Identifier: Apache-2.0
"""All parameters of a masker workflow together, and the checks on how they go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
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
from nipype_mapsmasker.core.parameters.denoising import (
    AnalysisParameters,
    CensoringParameters,
    check_denoising,
    denoising_strategies,
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

AFTER_EXTRACTION = (
    HighVarianceParameters,
    *STRATEGY,
    CensoringParameters,
    AnalysisParameters,
    OutputParameters,
    PageParameters,
)
"""What only the results made from the raw signals depend on."""


@dataclass(frozen=True, kw_only=True)
class MaskerParameters(
    PageParameters,
    OutputParameters,
    AnalysisParameters,
    CensoringParameters,
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
    denoise: Sequence[str | Mapping[str, Any]] | None = parameter(
        None,
        "strategies of denoising by their known names (simple, scrubbing.5+gsr, 36P ...), or as "
        "mappings of their words; each chooses regressors and volumes from the confounds table",
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
        if self.denoise is not None and self.strategies is not None:
            msg = "denoise and strategies both name strategies; give one of the two."
            raise ParameterError(msg)
        if self.denoise is not None and not self.denoise:
            msg = "denoise is empty; name a strategy, such as 'simple' or 'none'."
            raise ParameterError(msg)
        self.check_analysis()
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
        if self.demean and self.missing_voxels == "exclude":
            msg = (
                "missing_voxels='exclude' cannot be combined with demean: without some voxels the "
                "mean over the mask is another; drop one of the two."
            )
            raise ParameterError(msg)
        for name, strategy in self._named().items():
            self._check_strategy(name, strategy)
        for name, chosen in self.confound_strategies().items():
            if chosen is not None:
                self._check_denoising(name, chosen)

    def _check_names(self) -> None:
        """Refuse names that cannot be part of files and nodes, or that would be one of them."""
        for kind, names in (("atlas", self.atlases), ("strategy", self._named())):
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

    def _check_denoising(self, name: str, chosen: ConfoundStrategy) -> None:
        """Refuse a strategy that does not go with its cleaning, or with columns named by hand."""
        values = self.cleanings()[name]
        if self.denoise is not None or values["confounds_columns"] is not None:
            # All columns of a table of the user's own may be anything.
            check_denoising(chosen, values)
        if values["confounds_columns"] is not None and self.denoise is not None:
            msg = (
                f"The strategy {chosen.name!r} chooses columns of the confounds, and "
                f"confounds_columns={values['confounds_columns']} others; give one of the two "
                "(a strategy of your own may have both, with the word 'columns')."
            )
            raise ParameterError(msg)
        if self.dual_regression and _cleaning(values).butterworth() is not None:
            msg = (
                "dual_regression fits confounds and signals to the unfiltered image, and a "
                "Butterworth filter is asked for; drop the filter, or use filter='cosine'."
            )
            raise ParameterError(msg)

    def _named(self) -> Mapping[str, Mapping[str, Any]]:
        """Give what strategies set of cleaning, by name."""
        if self.denoise is not None:
            words = [name for cls in STRATEGY for name in parameters_of(cls)]
            return {
                label: own for label, (_, own) in denoising_strategies(self.denoise, words).items()
            }
        return {"": {}} if self.strategies is None else self.strategies

    def confound_strategies(self) -> dict[str, ConfoundStrategy | None]:
        """Give which regressors and volumes each strategy takes, by its name; None for all."""
        if self.denoise is not None:
            words = [name for cls in STRATEGY for name in parameters_of(cls)]
            chosen = denoising_strategies(self.denoise, words)
            return {label: strategy for label, (strategy, _) in chosen.items()}
        if not (self.censors or self.dual_regression):
            return dict.fromkeys(self._named())
        # The options ask for a table of what is regressed; columns are chosen as ever.
        return {
            name: ConfoundStrategy(
                name=name or "none",
                columns=("*",) if columns is None else tuple(columns),
                demean=False,
            )
            for name, values in self.cleanings().items()
            for columns in (values["confounds_columns"],)
        }

    def cleanings(self) -> dict[str, dict[str, Any]]:
        """Give the strategies by name, each with a value for every field of cleaning."""
        shared = values_of(self, *STRATEGY)
        return {name: shared | dict(strategy) for name, strategy in self._named().items()}

    def extraction(self) -> dict[str, Any]:
        """Give what the raw signals depend on, by name."""
        return values_of(self, *EXTRACTION)

    def after_extraction(self) -> dict[str, Any]:
        """Give what the results of all strategies depend on besides the raw signals, by name."""
        values = values_of(self, *AFTER_EXTRACTION)
        own = [name for cls in STRATEGY for name in parameters_of(cls)]
        return {name: value for name, value in values.items() if name not in own}

    def each_strategy(self) -> dict[str, Any]:
        """Give what only the results of a strategy depend on, by its name."""
        chosen = self.confound_strategies()
        return {
            name: [values, None if (strategy := chosen[name]) is None else asdict(strategy)]
            for name, values in self.cleanings().items()
        }

    def volumes_needed(self) -> int:
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
