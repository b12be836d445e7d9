# SPDX-License-Identifier: Apache-2.0
"""What the runs of a result folder say together: tables, matrices, and a figure of strategies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.steps.cohort_matrices import GroupOptions, StrategyGroup, group_results

__all__ = ["GroupOptions", "GroupResult", "group_cohort"]


@dataclass(frozen=True)
class GroupResult:
    """
    Tell what was made of a result folder.

    Parameters
    ----------
    groups : list of StrategyGroup
        One per atlas and strategy.
    files : list of Path
        What was written.
    """

    groups: list[StrategyGroup]
    files: list[Path]


def group_cohort(out_dir: str | Path, options: GroupOptions | None = None) -> GroupResult:
    """
    Put the results of a folder together, from its own files alone.

    Parameters
    ----------
    out_dir : path
        The result folder.
    options : GroupOptions, optional
        How.

    Returns
    -------
    GroupResult
        Groups and files.

    Raises
    ------
    ParameterError
        The folder holds no results.
    """
    from nipype_mapsmasker.reports.figures.group import figure_strategies  # matplotlib
    from nipype_mapsmasker.reports.figures.write import write_figure
    from nipype_mapsmasker.reports.folder import write_qc

    groups, files = group_results(out_dir, options)
    edges = [(one.strategy or one.atlas, one.distances, one.correlation) for one in groups]
    drawn = figure_strategies([one.row for one in groups], edges)
    figure = write_figure(Path(out_dir) / "group_qcfc.svg", drawn)
    return GroupResult(groups, [*files, figure, write_qc(out_dir)])
