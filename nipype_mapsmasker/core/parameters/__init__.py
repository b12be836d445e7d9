# SPDX-License-Identifier: Apache-2.0
"""The one list of parameters: names, defaults, choices, units and the checks on them."""

from nipype_mapsmasker.core.parameters.algorithm import ALGORITHM
from nipype_mapsmasker.core.parameters.cleaning import (
    Cleaning,
    CleaningParameters,
    ConfoundParameters,
)
from nipype_mapsmasker.core.parameters.declare import (
    Parameter,
    check_values,
    document,
    parameter,
    parameters_of,
    values_of,
)
from nipype_mapsmasker.core.parameters.denoising import AnalysisParameters, CensoringParameters
from nipype_mapsmasker.core.parameters.engine import EngineParameters
from nipype_mapsmasker.core.parameters.extraction import ExtractionParameters, FittingParameters
from nipype_mapsmasker.core.parameters.masker import (
    AFTER_EXTRACTION,
    EXTRACTION,
    STRATEGY,
    MaskerParameters,
)
from nipype_mapsmasker.core.parameters.output import (
    HighVarianceParameters,
    OutputParameters,
    PageParameters,
)
from nipype_mapsmasker.core.parameters.selection import SelectionParameters

__all__ = [
    "AFTER_EXTRACTION",
    "ALGORITHM",
    "EXTRACTION",
    "STRATEGY",
    "AnalysisParameters",
    "CensoringParameters",
    "Cleaning",
    "CleaningParameters",
    "ConfoundParameters",
    "EngineParameters",
    "ExtractionParameters",
    "FittingParameters",
    "HighVarianceParameters",
    "MaskerParameters",
    "OutputParameters",
    "PageParameters",
    "Parameter",
    "SelectionParameters",
    "check_values",
    "document",
    "parameter",
    "parameters_of",
    "values_of",
]
