# SPDX-License-Identifier: Apache-2.0
"""From one run after the other to a cohort, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.group import modularity, region_distances
from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.comparison import compare_strategy
from nipype_mapsmasker.reports.judged import judged
from nipype_mapsmasker.reports.outliers import compare_runs, groups_of
from nipype_mapsmasker.reports.results import AtlasSummary, CohortResults, RunResults, RunRow

__all__ = ["CohortBuilder"]

MAX_PAIRS = 5000
"""Pairs of maps that are kept of each run, to compare it with the cohort's mean."""

MIN_RUNS_TO_COMPARE = 3
"""Fewer runs have no mean worth comparing with."""

Array = NDArray[Any]


@dataclass
class _Sums:
    """Running sums over the runs of one atlas and strategy."""

    names: tuple[str, ...]
    run_ids: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    coverage: list[Array] = field(default_factory=list)
    pairs: list[Array] = field(default_factory=list)
    volumes: list[int] = field(default_factory=list)
    modularity: list[float] = field(default_factory=list)
    distances: Array | None = None
    count: Array | None = None
    total: Array | None = None
    squares: Array | None = None
    fisher: Array | None = None


class CohortBuilder:
    """
    Collect runs one by one; what is kept of each is a row, its coverage and some correlations.

    Examples
    --------
    >>> builder = CohortBuilder()
    >>> builder.fail("sub-01", "the image is truncated")
    >>> builder.finish().rows[0].failed
    True
    """

    def __init__(self) -> None:
        """Start an empty cohort."""
        self._rows: list[RunRow] = []
        self._sums: dict[tuple[str, str], _Sums] = {}

    def fail(
        self, run_id: str, reason: str, *, link: str = "", atlas: str = "", strategy: str = ""
    ) -> None:
        """
        Add a run that has no signals.

        Parameters
        ----------
        run_id : str
            The run.
        reason : str
            What went wrong.
        link : str
            Relative path of something to read about it.
        atlas, strategy : str
            What failed, where other signals came of the run.
        """
        self._rows.append(
            RunRow(
                run_id=run_id,
                atlas=atlas,
                strategy=strategy,
                failed=True,
                reasons=(reason,),
                link=link,
            )
        )

    def add(self, run: RunResults, *, link: str = "") -> RunRow:
        """
        Add a run.

        Parameters
        ----------
        run : RunResults
            The run; no reference to its arrays is kept.
        link : str
            Relative path of its page.

        Returns
        -------
        RunRow
            Its row, as far as it is known before the cohort is complete.
        """
        run = judged(run)
        assert run.measures is not None
        assert run.verdict is not None
        values, verdict = dict(run.measures), run.verdict
        row = RunRow(
            run_id=run.run_id,
            atlas=run.atlas,
            strategy=run.strategy,
            level=verdict.level,
            own_level=verdict.level,
            reasons=tuple(f.text for f in verdict.findings if f.level != "note"),
            keywords=tuple(f.about for f in verdict.findings if f.level != "note"),
            link=link,
            measures=values,
            lost_maps=verdict.lost_maps,
            cut_maps=verdict.cut_maps,
            startup_volumes=verdict.startup_volumes,
            spike_volumes=verdict.spike_volumes,
            t_r=run.t_r,
            steps=tuple(str(step) for step in run.summary.get("steps", ())),
        )
        names = tuple(str(name) for name in run.names)
        sums = self._sums.setdefault((run.atlas, run.strategy), _Sums(names))
        if sums.names == names:
            self._accumulate(sums, run)
        self._rows.append(row)
        return row

    def finish(
        self,
        *,
        title: str = "Cohort",
        command: str = "",
        versions: Mapping[str, str] | None = None,
    ) -> CohortResults:
        """
        Complete the cohort.

        Parameters
        ----------
        title, command : str
            Heading, and the exact command.
        versions : mapping of str to str, optional
            Versions of software.

        Returns
        -------
        CohortResults
            Rows in the order in which runs were added.
        """
        rows = list(self._rows)
        for sums in self._sums.values():
            for place, similarity in _similarities(sums):
                measures = {**rows[place].measures, "similarity": similarity}
                rows[place] = replace(rows[place], measures=measures)
        _compare(rows)
        return CohortResults(
            rows=rows,
            atlases=[
                _summary(*key, sums, [rows[place] for place in sums.places])
                for key, sums in self._sums.items()
            ],
            title=title,
            command=command,
            versions=dict(versions or {}),
        )

    def _accumulate(self, sums: _Sums, run: RunResults) -> None:
        """Add a run to the running sums."""
        final = run.raw[run.kept] if run.cleaned is None else run.cleaned
        matrix = m.correlation_matrix(final)
        known = np.isfinite(matrix)
        values = np.where(known, matrix, 0.0)
        fisher = np.arctanh(np.clip(values, -0.999999, 0.999999))
        if sums.count is None:
            sums.count, sums.total = known.astype(float), values
            sums.squares, sums.fisher = values**2, fisher
        else:
            assert sums.total is not None
            assert sums.squares is not None
            assert sums.fisher is not None
            sums.count += known
            sums.total += values
            sums.squares += values**2
            sums.fisher += fisher
        pairs = m.upper_triangle(matrix)
        step = -(-len(pairs) // MAX_PAIRS) or 1
        sums.pairs.append(pairs[::step].astype(np.float32))
        sums.volumes.append(len(run.raw))
        sums.modularity.append(modularity(matrix)[0])
        if sums.distances is None and run.centres is not None:
            sums.distances = region_distances(run.centres)[::step]
        unknown = np.full(len(run.names), np.nan)
        coverage = unknown if run.coverage is None else run.coverage
        sums.coverage.append(np.asarray(coverage, dtype=np.float32))
        sums.run_ids.append(run.run_id)
        sums.places.append(len(self._rows))


def _compare(rows: list[RunRow]) -> None:
    """Add to rows what the comparison with those of the same maps and strategy tells."""
    for places in groups_of(rows):
        found = compare_runs([rows[place] for place in places])
        for index, findings in found.items():
            row = rows[places[index]]
            levels = [row.level, *(finding.level for finding in findings)]
            rows[places[index]] = replace(
                row,
                level=max(levels, key=list(v.LEVEL_WORDS).index),
                # Before what the run says of itself: it is what its own page does not say.
                reasons=(*(finding.text for finding in findings), *row.reasons),
                keywords=(*(finding.about for finding in findings), *row.keywords),
            )


def _similarities(sums: _Sums) -> list[tuple[int, float]]:
    """Correlate each run's correlations with the mean of the other runs'."""
    if len(sums.pairs) < MIN_RUNS_TO_COMPARE or len(sums.names) < 3:
        return []
    table = np.array(sums.pairs, dtype=np.float64)
    known = np.isfinite(table)
    values = np.where(known, table, 0.0)
    total, count = values.sum(axis=0), known.sum(axis=0)
    found = []
    for row, place in enumerate(sums.places):
        others = count - known[row]
        usable = known[row] & (others > 0)
        if usable.sum() < 3:
            continue
        mean = (total - values[row])[usable] / others[usable]
        own = values[row][usable]
        if np.ptp(own) > 0 and np.ptp(mean) > 0:
            found.append((place, float(np.corrcoef(own, mean)[0, 1])))
    return found


def _summary(atlas: str, strategy: str, sums: _Sums, rows: Sequence[RunRow]) -> AtlasSummary:
    """Turn sums into mean and spread."""
    mean = spread = None
    if sums.count is not None:
        assert sums.total is not None
        assert sums.squares is not None
        assert sums.fisher is not None
        count = np.where(sums.count > 0, sums.count, np.nan)
        mean = np.tanh(sums.fisher / count)
        np.fill_diagonal(mean, np.where(sums.count.diagonal() > 0, 1.0, np.nan))
        if len(sums.run_ids) > 1:
            variance = np.maximum(sums.squares / count - (sums.total / count) ** 2, 0.0)
            spread = np.sqrt(variance)
    coverage = np.array(sums.coverage) if sums.coverage else None
    if coverage is not None and not np.isfinite(coverage).any():
        coverage = None
    return AtlasSummary(
        atlas=atlas,
        strategy=strategy,
        names=sums.names,
        run_ids=tuple(sums.run_ids),
        coverage=coverage,
        mean_correlation=mean,
        sd_correlation=spread,
        comparison=compare_strategy(
            rows, sums.pairs, sums.volumes, sums.modularity, sums.distances
        ),
    )
