# SPDX-License-Identifier: Apache-2.0
"""Figures for notebooks and papers: arrays to matplotlib figures. The pages do not need them."""

from nipype_mapsmasker.reports.figures.cohort import figure_coverage_heat, figure_measures
from nipype_mapsmasker.reports.figures.group import figure_strategies
from nipype_mapsmasker.reports.figures.maps import figure_glance, figure_map
from nipype_mapsmasker.reports.figures.numbers import (
    figure_correlation,
    figure_coverage,
    figure_distribution,
    figure_spread,
)
from nipype_mapsmasker.reports.figures.signals import (
    figure_carpet,
    figure_confounds,
    figure_fit,
    figure_spectra,
)
from nipype_mapsmasker.reports.figures.write import write_figures

__all__ = [
    "figure_carpet",
    "figure_confounds",
    "figure_correlation",
    "figure_coverage",
    "figure_coverage_heat",
    "figure_distribution",
    "figure_fit",
    "figure_glance",
    "figure_map",
    "figure_measures",
    "figure_spectra",
    "figure_spread",
    "figure_strategies",
    "write_figures",
]
