# SPDX-License-Identifier: Apache-2.0
"""Builders of Nipype workflows: one run, or a whole cohort."""

from nipype_mapsmasker.workflows.cohort import init_cohort_wf
from nipype_mapsmasker.workflows.replacing import replace_step
from nipype_mapsmasker.workflows.run import init_run_wf

__all__ = ["init_cohort_wf", "init_run_wf", "replace_step"]
