# SPDX-License-Identifier: Apache-2.0
"""The command ``verify``: runs of a result folder done again with nilearn."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from nipype_mapsmasker.cli.run import request_of
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.cohort.run import plan_cohort
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import PRIVATE

__all__ = ["verify"]


def verify(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``verify``.

    Returns
    -------
    int
        0 where all is the same or documented, else 1.

    Raises
    ------
    ParameterError
        nilearn is not installed, or the folder does not say how it was made.
    """
    from nipype_mapsmasker.verify import verify_plan
    from nipype_mapsmasker.verify.reference import reference_version

    out_dir = Path(arguments.out_dir)
    print(f"mapsmasker: comparing with nilearn {reference_version()} in float64")
    plan = plan_cohort(_request_of(out_dir))
    n_wrong = 0
    for found in verify_plan(plan, n_runs=arguments.runs, seed=arguments.seed):
        name = found.file.relative_to(plan.out_dir)
        print(f"{name}: {found.difference:.1e} SD, {found.verdict}")
        n_wrong += not found.is_explained
    if n_wrong:
        differ = "1 file differs" if n_wrong == 1 else f"{n_wrong} files differ"
        print(f"mapsmasker: {differ} without a documented cause")
    return 1 if n_wrong else 0


def _request_of(out_dir: Path) -> CohortRequest:
    """Read from the results how they were made."""
    from nipype_mapsmasker.cli.words import parse

    # A folder above one or several result folders is none itself.
    is_one = (out_dir / PRIVATE).is_dir()
    for sidecar in sorted(out_dir.rglob("*_timeseries.json")) if is_one else ():
        command = json.loads(sidecar.read_text(encoding="utf-8")).get("command")
        words = shlex.split(command) if isinstance(command, str) else list(command or ())
        if words and words[0] == "mapsmasker":
            words = words[1:]
        if words and words[0] == "run":
            arguments = parse(words)
            arguments.out_dir = str(out_dir)
            return request_of(arguments)
    msg = (
        f"{out_dir} holds no results that say how they were made; give the result folder of an "
        "earlier run."
    )
    raise ParameterError(msg)
