# SPDX-License-Identifier: Apache-2.0
"""Cohorts: a typed request, a plan, and the run of it; loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nipype_mapsmasker.cohort.progress import ProgressEvent
    from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
    from nipype_mapsmasker.cohort.run import CohortResult, RunResult, plan_cohort, run_cohort

__all__ = [
    "CohortRequest",
    "CohortResult",
    "ProgressEvent",
    "RunResult",
    "RunSpec",
    "plan_cohort",
    "run_cohort",
]

_HOMES = {"CohortRequest": "request", "RunSpec": "request", "ProgressEvent": "progress"}
"""Modules of the names that are not in ``run``."""


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'run')}"), name)
