# SPDX-License-Identifier: Apache-2.0
"""Parameters of denoising and of what comes after it: volumes that are kept, and connectomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nipype_mapsmasker.core.denoise.guards import check_filter, check_labels
from nipype_mapsmasker.core.denoise.presets import preset, strategy_label
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy, strategy_from
from nipype_mapsmasker.core.parameters.declare import parameter, values_of
from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "MEASURE_NAMES",
    "AnalysisParameters",
    "CensoringParameters",
    "check_denoising",
    "denoising_strategies",
]

MEASURE_NAMES = ("pearson", "partial", "precision", "covariance")
"""Measures of connectivity."""

_CORRELATIONS = ("pearson", "partial")


@dataclass(frozen=True, kw_only=True)
class CensoringParameters:
    """Hold which volumes are kept; `parameters_of` tells what each field is."""

    fd_thresh: float | Literal["off"] | None = parameter(
        None,
        "framewise displacement in mm above which volumes are censored, by every strategy; 'off' "
        "for none; None leaves it to the strategy",
        unit="mm",
        above=0,
    )
    dvars_thresh: float | Literal["off"] | None = parameter(
        None,
        "standardised DVARS above which volumes are censored, by every strategy; 'off' for none; "
        "None leaves it to the strategy",
        above=0,
    )
    min_segment: int | None = parameter(
        None,
        "shortest run of volumes between censored ones that is kept; None leaves it to the "
        "strategy",
        low=0,
    )
    dummy_scans: int | Literal["auto"] = parameter(
        "auto",
        "number of volumes at the start that are censored; 'auto' takes those that the confounds "
        "table flags as before the steady state",
        low=0,
    )
    min_volumes: int | None = parameter(
        None, "fewest volumes that have to be kept; a run with fewer fails", low=1
    )
    min_minutes: float | None = parameter(
        None,
        "shortest time in minutes that has to be kept; a run with less fails",
        unit="minutes",
        above=0,
    )
    max_censored: float | None = parameter(
        None,
        "largest share of volumes, 0 to 1, that may be censored; a run with more fails",
        low=0,
        high=1,
    )

    @property
    def censors(self) -> bool:
        """Whether anything is asked for that no strategy says."""
        return values_of(self, CensoringParameters) != values_of(
            CensoringParameters(), CensoringParameters
        )


@dataclass(frozen=True, kw_only=True)
class AnalysisParameters:
    """Hold what is made of cleaned signals; `parameters_of` tells what each field is."""

    connectivity: Sequence[str] = parameter(
        (),
        "connectomes of every run: pearson, partial, precision, covariance, or several of them",
    )
    shrinkage: Literal["none", "ledoit-wolf"] = parameter(
        "none", "whether covariances are shrunk for connectomes, and how"
    )
    fisher_z: bool = parameter(
        False, "whether connectomes of correlations hold Fisher's z of them"
    )
    dual_regression: bool = parameter(
        False, "whether to map each component in every run's own voxels (dual regression)"
    )

    def check_analysis(self) -> None:
        """Refuse measures that are not known, and what does not go with them."""
        for measure in self.connectivity:
            if measure not in MEASURE_NAMES:
                msg = (
                    f"connectivity={measure!r} is not known; choose among "
                    f"{', '.join(MEASURE_NAMES)}."
                )
                raise ParameterError(msg)
        if len(set(self.connectivity)) != len(self.connectivity):
            msg = f"connectivity={list(self.connectivity)} names a measure twice; name each once."
            raise ParameterError(msg)
        if self.fisher_z and not set(self.connectivity) & set(_CORRELATIONS):
            msg = (
                "fisher_z is for correlations, and connectivity asks for "
                f"{', '.join(self.connectivity) or 'nothing'}; add 'pearson' or 'partial', or "
                "drop fisher_z."
            )
            raise ParameterError(msg)


def denoising_strategies(
    said: Sequence[str | Mapping[str, Any]], cleaning_words: Sequence[str]
) -> dict[str, tuple[ConfoundStrategy, dict[str, Any]]]:
    """
    Give strategies by the label that their files carry.

    Parameters
    ----------
    said : sequence of str or mapping
        Names of presets, or words: those of `ConfoundStrategy` (with ``preset`` for one to start
        from) and, for this strategy alone, those of cleaning.
    cleaning_words : sequence of str
        The words of cleaning.

    Returns
    -------
    dict of str to tuple
        Per label, the strategy and what it sets of cleaning.

    Raises
    ------
    ParameterError
        A name or word is not known, or two strategies have one label.
    """
    found: list[tuple[ConfoundStrategy, dict[str, Any]]] = []
    for item in said:
        if isinstance(item, str):
            found.append((preset(item), {}))
            continue
        words = dict(item)
        start = words.pop("preset", None)
        cleaning = {name: words.pop(name) for name in cleaning_words if name in words}
        base = None if start is None else preset(str(start))
        name = str(words.get("name", start if start is not None else "strategy"))
        found.append((strategy_from({**words, "name": name}, name, base), cleaning))
    check_labels([strategy for strategy, _ in found])
    return {strategy_label(strategy.name): (strategy, own) for strategy, own in found}


def check_denoising(strategy: ConfoundStrategy, values: Mapping[str, Any]) -> None:
    """
    Refuse a strategy that does not go with its cleaning.

    Parameters
    ----------
    strategy : ConfoundStrategy
        The strategy.
    values : mapping
        The parameters of its cleaning.

    Raises
    ------
    ParameterError
        Its regressors and the filter do not go together.
    """
    check_filter(strategy, values["high_pass"] if values["filter"] else None)
