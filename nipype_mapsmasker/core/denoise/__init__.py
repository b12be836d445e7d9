# SPDX-License-Identifier: Apache-2.0
"""Strategies of denoising: which regressors, and which volumes."""

from nipype_mapsmasker.core.denoise.columns import Selection, select_columns
from nipype_mapsmasker.core.denoise.guards import check_chosen, check_filter, check_labels
from nipype_mapsmasker.core.denoise.limits import Limits, check_limits
from nipype_mapsmasker.core.denoise.presets import PRESETS, preset, strategy_label
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy, strategy_from
from nipype_mapsmasker.core.denoise.volumes import (
    Censoring,
    Volumes,
    censoring_of,
    choose_volumes,
    short_segments,
)

__all__ = [
    "PRESETS",
    "Censoring",
    "ConfoundStrategy",
    "Limits",
    "Selection",
    "Volumes",
    "censoring_of",
    "check_chosen",
    "check_filter",
    "check_labels",
    "check_limits",
    "choose_volumes",
    "preset",
    "select_columns",
    "short_segments",
    "strategy_from",
    "strategy_label",
]
