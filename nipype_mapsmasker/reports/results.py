# SPDX-License-Identifier: Apache-2.0
"""What a page is made of: plain arrays and values, no paths that would have to be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports.limits import LEVEL_WORDS

__all__ = [
    "AtlasSummary",
    "CohortResults",
    "Finding",
    "RunResults",
    "RunRow",
    "Source",
    "StrategyComparison",
    "Verdict",
]

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Source:
    """
    Name one input file of a run.

    Parameters
    ----------
    role : str
        What the file was to the run: image, maps, mask, confounds …
    path : str
        Where it was.
    checksum : str, optional
        With the algorithm's name in front, for instance ``sha256:…``.
    """

    role: str
    path: str
    checksum: str = ""


@dataclass(frozen=True)
class Finding:
    """
    Hold one reason.

    Parameters
    ----------
    level : str
        'bad', 'check' or 'note'; notes do not weigh on the verdict.
    about : str
        What was measured.
    text : str
        A sentence with the value and the threshold.
    volumes : tuple of int
        The volumes that it is about, counted from 0.
    maps : tuple of str
        The maps that it is about, by name.
    """

    level: str
    about: str
    text: str
    volumes: tuple[int, ...] = ()
    maps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """
    Hold the judgement of a run.

    Parameters
    ----------
    level : str
        'good', 'check' or 'bad': that of the worst finding.
    findings : tuple of Finding
        Worst first.
    lost_maps, cut_maps : tuple of str
        Maps without a signal, and maps of which less than
        `nipype_mapsmasker.reports.limits.CUT_COVERAGE` had data.
    startup_volumes, spike_volumes : tuple of int
        Kept volumes, counted from 0, before the steady state, and with a jump of most signals.
    """

    level: str
    findings: tuple[Finding, ...]
    lost_maps: tuple[str, ...] = ()
    cut_maps: tuple[str, ...] = ()
    startup_volumes: tuple[int, ...] = ()
    spike_volumes: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The verdict in words."""
        return LEVEL_WORDS[self.level]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResults:
    """
    Hold everything that the page of one run shows.

    Parameters
    ----------
    run_id : str
        The run.
    names : sequence of str
        The K maps.
    raw : (T, K) ndarray of float
        Signals as extracted.
    cleaned : (T_kept, K) ndarray of float, optional
        Signals as cleaned.
    keep : (T,) ndarray of bool, optional
        Which volumes were kept; all by default.
    t_r : float, optional
        Repetition time in seconds; without it, axes count volumes.
    atlas, strategy, image : str
        Names of the maps and of the cleaning, and the image's path.
    confounds : (T, C) ndarray of float, optional
        The confounds that were regressed.
    confound_names : sequence of str
        Their names.
    motion : (T,) ndarray of float, optional
        Framewise displacement in mm, when known.
    coverage, coverage_fit, coverage_data, variance_inflation : (K,) ndarray of float, optional
        Share of each map's weight that counted in all; inside mask and field of view; with
        data in this run; and the variance inflation factor of each map.
    centres : (K, 3) ndarray of float, optional
        Centre of each map, mm.
    r_squared : (T,) ndarray of float, optional
        Share of each volume's energy that the maps explain.
    fluctuation_r_squared : float, optional
        Share of the run's fluctuation about each voxel's mean that the maps explain.
    mean_image : (X, Y, Z) ndarray, optional
        The run's mean on the grid of the fit.
    affine : (4, 4) ndarray of float, optional
        This grid's affine.
    cuts : mapping of str to ndarray, optional
        From `nipype_mapsmasker.core.cuts.collect_cuts`.
    summary, parameters, versions : mapping
        The summary of the cleaning, all parameters, and versions of software by name.
    sources : sequence of Source
        Input files.
    command : str
        The exact command.
    warnings : sequence of str
        What was warned of during the run.
    cohort_page : str
        Relative path of the cohort's page, for the link back.
    files : sequence of tuple of str
        What each of the run's own files is, and its path relative to the page.
    measures : mapping of str to float, optional
        Numbers by the names in `nipype_mapsmasker.reports.measures.MEASURES`, where they are
        known already.
    verdict : Verdict, optional
        Likewise.
    """

    run_id: str
    names: Sequence[str]
    raw: Array
    cleaned: Array | None = None
    keep: Array | None = None
    t_r: float | None = None
    atlas: str = ""
    strategy: str = ""
    image: str = ""
    confounds: Array | None = None
    confound_names: Sequence[str] = ()
    motion: Array | None = None
    coverage: Array | None = None
    coverage_fit: Array | None = None
    coverage_data: Array | None = None
    variance_inflation: Array | None = None
    centres: Array | None = None
    r_squared: Array | None = None
    fluctuation_r_squared: float | None = None
    mean_image: Array | None = None
    affine: Array | None = None
    cuts: Mapping[str, Array] | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Source] = ()
    command: str = ""
    warnings: Sequence[str] = ()
    cohort_page: str = ""
    files: Sequence[tuple[str, str]] = ()
    measures: Mapping[str, float] | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        n_volumes, n_maps = self.raw.shape
        if len(self.names) != n_maps:
            msg = f"{len(self.names)} names came with signals of {n_maps} maps: {self.run_id}."
            raise ValueError(msg)
        keep = np.ones(n_volumes, dtype=bool) if self.keep is None else np.asarray(self.keep)
        if keep.shape != (n_volumes,) or keep.dtype != bool:
            msg = f"keep must be {n_volumes} booleans; got {keep.dtype} of shape {keep.shape}."
            raise ValueError(msg)
        object.__setattr__(self, "keep", keep)
        if self.cleaned is not None and self.cleaned.shape != (int(keep.sum()), n_maps):
            msg = (
                f"Cleaned signals of shape {self.cleaned.shape} do not fit {int(keep.sum())} kept "
                f"volumes and {n_maps} maps: {self.run_id}."
            )
            raise ValueError(msg)

    @property
    def kept(self) -> Array:
        """Which volumes were kept, (T,) booleans."""
        assert self.keep is not None
        return self.keep


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """
    Hold one row of the cohort's table.

    Parameters
    ----------
    run_id, atlas, strategy : str
        Which signals the row is about.
    failed : bool
        No signals came of the run.
    level, own_level : str
        The verdict's level, as in `nipype_mapsmasker.reports.verdict`: with what the comparison
        with other runs adds, and without, as on the run's own page.
    reasons : sequence of str
        Why, in sentences; for a failed run the fault.
    keywords : sequence of str
        Why, in a word each.
    link : str
        Relative path of the run's page; empty when there is none.
    measures : mapping of str to float
        Numbers by the names in `nipype_mapsmasker.reports.measures.MEASURES`.
    lost_maps, cut_maps : sequence of str
        Names of the maps without usable signal, and of those mostly outside the data.
    startup_volumes, spike_volumes : sequence of int
        Volumes, counted from 0, as in `nipype_mapsmasker.reports.verdict.Verdict`.
    t_r : float, optional
        Repetition time in seconds.
    steps : sequence of str
        What cleaning did, in order.
    """

    run_id: str
    atlas: str = ""
    strategy: str = ""
    failed: bool = False
    level: str = ""
    own_level: str = ""
    reasons: Sequence[str] = ()
    keywords: Sequence[str] = ()
    link: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    lost_maps: Sequence[str] = ()
    cut_maps: Sequence[str] = ()
    startup_volumes: Sequence[int] = ()
    spike_volumes: Sequence[int] = ()
    t_r: float | None = None
    steps: Sequence[str] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class StrategyComparison:
    """
    Hold what is compared between strategies.

    Parameters
    ----------
    values : dict of str to float
        By the names of `nipype_mapsmasker.reports.comparison.COMPARED`, those that are known.
    n_subjects : int
        Subjects with connectivity and motion.
    correlation : (P,) ndarray of float, optional
        QC-FC of each pair of maps: its connectivity with mean motion, over subjects.
    distances : (P,) ndarray of float, optional
        Between the two maps of each pair, mm.
    """

    values: dict[str, float] = field(default_factory=dict)
    n_subjects: int = 0
    correlation: Array | None = None
    distances: Array | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class AtlasSummary:
    """
    Hold what the cohort's runs have in common for one set of maps and one strategy.

    Parameters
    ----------
    atlas, strategy : str
        Their names.
    names : sequence of str
        The K maps.
    run_ids : sequence of str
        The R runs of the next array's rows.
    coverage : (R, K) ndarray of float, optional
        Coverage of each map in each run.
    mean_correlation, sd_correlation : (K, K) ndarray of float, optional
        Mean over runs, back from Fisher's z, and standard deviation of r.
    comparison : StrategyComparison, optional
        What the strategy leaves of head motion, and what it costs.
    """

    atlas: str = ""
    strategy: str = ""
    names: Sequence[str] = ()
    run_ids: Sequence[str] = ()
    coverage: Array | None = None
    mean_correlation: Array | None = None
    sd_correlation: Array | None = None
    comparison: StrategyComparison | None = None


@dataclass(frozen=True, kw_only=True)
class CohortResults:
    """
    Hold everything that the cohort's page shows.

    Parameters
    ----------
    rows : sequence of RunRow
        One per run and set of signals, failed runs included.
    atlases : sequence of AtlasSummary
        One per set of maps and strategy.
    title, command : str
        Heading, and the exact command.
    versions : mapping of str to str
        Versions of software by name.
    """

    rows: Sequence[RunRow]
    atlases: Sequence[AtlasSummary] = ()
    title: str = "Cohort"
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
