# SPDX-License-Identifier: Apache-2.0
"""Nipype interfaces: doors, not rooms."""

from nipype_mapsmasker.interfaces.cleaning import CleanSignals
from nipype_mapsmasker.interfaces.connectivity import Connectivity, GroupConnectivity
from nipype_mapsmasker.interfaces.denoising import SelectConfounds
from nipype_mapsmasker.interfaces.dual_regression import DualRegression
from nipype_mapsmasker.interfaces.extraction import ExtractSignals, HighVarianceConfounds
from nipype_mapsmasker.interfaces.fitting import FitMaps
from nipype_mapsmasker.interfaces.grouping import AssignOperators, GroupRuns
from nipype_mapsmasker.interfaces.inverse import InverseTransform
from nipype_mapsmasker.interfaces.reports import RedrawRuns, ReportCohort, ReportRun
from nipype_mapsmasker.interfaces.resampling import ResampleImage
from nipype_mapsmasker.interfaces.storing import StoreRun, SummariseRuns

__all__ = [
    "AssignOperators",
    "CleanSignals",
    "Connectivity",
    "DualRegression",
    "ExtractSignals",
    "FitMaps",
    "GroupConnectivity",
    "GroupRuns",
    "HighVarianceConfounds",
    "InverseTransform",
    "RedrawRuns",
    "ReportCohort",
    "ReportRun",
    "ResampleImage",
    "SelectConfounds",
    "StoreRun",
    "SummariseRuns",
]
