# SPDX-License-Identifier: Apache-2.0
"""The reference's own face: its two classes, on this package's engine."""

from nipype_mapsmasker.maskers.multi import MultiNiftiMapsMasker
from nipype_mapsmasker.maskers.single import NiftiMapsMasker

__all__ = ["MultiNiftiMapsMasker", "NiftiMapsMasker"]
