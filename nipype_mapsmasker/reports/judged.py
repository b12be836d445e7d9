# SPDX-License-Identifier: Apache-2.0
"""
Measures and verdict of a run, found once: with its page, and kept for the page of all runs.

What is kept holds for the very numbers that it was found from, and for this version of the
package.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from nipype_mapsmasker import __version__
from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.results import Finding, RunResults, Verdict

__all__ = ["judged", "keep_judged", "with_judged"]

_FIELDS = (
    "names", "raw", "cleaned", "keep", "t_r", "confounds", "motion", "coverage",
    "variance_inflation", "r_squared", "fluctuation_r_squared", "warnings",
)  # fmt: skip
_SUMMARY = ("steps", "degrees_of_freedom", "confound_rank")
"""What measures and verdicts are found from."""


def judged(run: RunResults) -> RunResults:
    """
    Measure and judge a run, unless that is done.

    Parameters
    ----------
    run : RunResults
        The run.

    Returns
    -------
    RunResults
        The same with ``measures`` and ``verdict``.
    """
    if run.measures is not None and run.verdict is not None:
        return run
    odd = m.odd_volumes(run)
    values = m.run_measures(run, odd)
    return replace(run, measures=values, verdict=v.judge(run, values, odd))


def keep_judged(run: RunResults) -> str:
    """
    Write what was found of a run.

    Parameters
    ----------
    run : RunResults
        From `judged`.

    Returns
    -------
    str
        JSON.
    """
    assert run.verdict is not None
    found = {"of": _digest(run), "measures": run.measures, "verdict": asdict(run.verdict)}
    return json.dumps(found)


def with_judged(run: RunResults, kept: str) -> RunResults:
    """
    Add to a run what was found of it before.

    Parameters
    ----------
    run : RunResults
        The run.
    kept : str
        From `keep_judged`.

    Returns
    -------
    RunResults
        The same with ``measures`` and ``verdict``; without, where they were found from other
        numbers or by another version.
    """
    try:
        found = json.loads(kept)
        if found["of"] != _digest(run):
            return run
        verdict = dict(found["verdict"])
        findings = tuple(Finding(**_tuples(finding)) for finding in verdict.pop("findings"))
        known = Verdict(findings=findings, **_tuples(verdict))
        return replace(run, measures=dict(found["measures"]), verdict=known)
    except (AttributeError, KeyError, TypeError, ValueError):  # not written by `keep_judged`
        return run


def _digest(run: RunResults) -> str:
    """Condense what measures and verdicts are found from, and by."""
    digest = hashlib.sha256()
    plain: dict[str, Any] = {"version": __version__, "thresholds": v.thresholds()}
    for name in _FIELDS:
        value = getattr(run, name)
        if isinstance(value, np.ndarray):
            plain[name] = [str(value.dtype), value.shape]
            digest.update(np.ascontiguousarray(value).data)
        else:
            plain[name] = value
    plain |= {name: run.summary.get(name) for name in _SUMMARY}
    digest.update(json.dumps(plain, default=str).encode())
    return digest.hexdigest()


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Turn the lists of JSON back."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
