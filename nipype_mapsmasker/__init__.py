# SPDX-License-Identifier: Apache-2.0
"""Region time series from overlapping brain maps, for whole cohorts, as Nipype nodes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nipype_mapsmasker.cohort import (
        CohortRequest,
        CohortResult,
        RunSpec,
        plan_cohort,
        run_cohort,
    )
    from nipype_mapsmasker.core.parameters import (
        AnalysisParameters,
        CensoringParameters,
        Cleaning,
        CleaningParameters,
        ConfoundParameters,
        ExtractionParameters,
        FittingParameters,
        HighVarianceParameters,
        MaskerParameters,
        OutputParameters,
        PageParameters,
    )
    from nipype_mapsmasker.io.results.frames import (
        load_connectivity,
        load_runs,
        load_timeseries,
    )
    from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf

__all__ = [
    "AnalysisParameters",
    "CensoringParameters",
    "Cleaning",
    "CleaningParameters",
    "CohortRequest",
    "CohortResult",
    "ConfoundParameters",
    "ExtractionParameters",
    "FittingParameters",
    "HighVarianceParameters",
    "MaskerParameters",
    "OutputParameters",
    "PageParameters",
    "RunSpec",
    "__version__",
    "init_cohort_wf",
    "init_run_wf",
    "load_connectivity",
    "load_runs",
    "load_timeseries",
    "plan_cohort",
    "run_cohort",
]

__version__ = "0.1.0.dev0"

_HOMES = {
    "cohort": ("CohortRequest", "CohortResult", "RunSpec", "plan_cohort", "run_cohort"),
    "io.results.frames": ("load_connectivity", "load_runs", "load_timeseries"),
    "workflows": ("init_cohort_wf", "init_run_wf"),
}
"""Modules of the names that are not in ``core.parameters``."""


def __getattr__(name: str) -> Any:
    """Load what is asked for: importing the package alone takes a millisecond."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = next((home for home, names in _HOMES.items() if name in names), "core.parameters")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    """List what can be asked for, for editors and notebooks."""
    return sorted({*globals(), *__all__})
