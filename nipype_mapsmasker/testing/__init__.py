# SPDX-License-Identifier: Apache-2.0
"""
Make maps, runs and whole cohorts whose true signals are known: for tests, docs and the demo.

Every function takes a seeded generator or a seed, and the same seed gives the same bytes.
"""

from nipype_mapsmasker.testing.cohorts import (
    OUTLIERS,
    Cohort,
    make_cohort,
    make_maps_file,
    make_run_file,
    write_run,
)
from nipype_mapsmasker.testing.folders import (
    FMRIPREP_RUNS,
    FmriprepFolder,
    FmriprepRun,
    make_fmriprep_folder,
)
from nipype_mapsmasker.testing.runs import (
    PASS_BAND,
    Run,
    make_confounds,
    make_run,
    make_signals,
    recovery,
)
from nipype_mapsmasker.testing.space import (
    Blobs,
    make_blobs,
    make_brain_mask,
    make_grid,
    positions,
)

__all__ = [
    "FMRIPREP_RUNS",
    "OUTLIERS",
    "PASS_BAND",
    "Blobs",
    "Cohort",
    "FmriprepFolder",
    "FmriprepRun",
    "Run",
    "make_blobs",
    "make_brain_mask",
    "make_cohort",
    "make_confounds",
    "make_fmriprep_folder",
    "make_grid",
    "make_maps_file",
    "make_run",
    "make_run_file",
    "make_signals",
    "positions",
    "recovery",
    "write_run",
]
