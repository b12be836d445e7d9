# SPDX-License-Identifier: Apache-2.0
"""The command ``demo``: a small cohort with known truth, run as a user would run his own."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np

from nipype_mapsmasker.cli.run import engine_of, run_and_show
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.cohort.words import words_of
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.testing import PASS_BAND, make_cohort, recovery

__all__ = ["demo"]

GOOD_RECOVERY = 0.95
"""Correlation with the truth that every map of the demo reaches."""


def demo(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``demo``.

    Returns
    -------
    int
        The exit code; 1 also where the truth was not recovered.
    """
    if arguments.n_subjects < 1:
        msg = f"--n-subjects must be at least 1; got {arguments.n_subjects}."
        raise ParameterError(msg)
    folder = Path(arguments.out_dir)
    print(f"mapsmasker: making {arguments.n_subjects} synthetic subjects in {folder / 'data'}")
    cohort = make_cohort(folder / "data", n_subjects=arguments.n_subjects, grids=2)
    results = folder / "results"
    request = CohortRequest(
        input=cohort.runs_file,
        out_dir=results,
        maps=[cohort.maps_file],
        atlas_names=["demo"],
        labels=[cohort.labels_file],
        detrend=True,
        standardize="zscore_sample",
        high_pass=PASS_BAND[0],
        low_pass=PASS_BAND[1],
        **engine_of(arguments) | {"command": ()},
    )
    words = words_of(request)
    print("mapsmasker: this runs the command\n  " + shlex.join(["mapsmasker", *words]))
    code = run_and_show(
        replace(request, command=words), verbose=arguments.verbose, quiet=arguments.quiet
    )
    if code != 0 or arguments.dry_run:
        return code
    masks = {row["run_id"]: row.get("sample_mask") for row in read_rows(cohort.runs_file)}
    correlations = []
    for run_id in cohort.run_ids:
        signals, names = read_signals(run_files(results, run_id).timeseries("demo"))
        truth, _ = read_signals(cohort.truth_files[run_id])
        mask = masks[run_id]
        keep = None
        if mask is not None:
            keep = read_sample_mask(cohort.folder / mask, truth.shape[0])
        correlations.append(recovery(signals, truth, keep=keep))
    worst = np.min(correlations, axis=0)
    print("mapsmasker: correlation of every map's signal with the truth, worst subject:")
    for name, value in zip(names, worst, strict=True):
        print(f"  {name:<24} r = {value:.3f}")
    print(f"mapsmasker: time series: {results}")
    if (results / "report.html").exists():
        print(f"mapsmasker: look at the cohort page: {results / 'report.html'}")
    return 0 if worst.min() > GOOD_RECOVERY else 1
