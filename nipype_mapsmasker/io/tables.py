# SPDX-License-Identifier: Apache-2.0
"""Tables of every kind that the package reads and writes, under one name."""

from nipype_mapsmasker.io.confounds import read_confounds
from nipype_mapsmasker.io.labels import read_labels
from nipype_mapsmasker.io.rows import read_rows, write_rows
from nipype_mapsmasker.io.samples import read_sample_mask
from nipype_mapsmasker.io.signals import default_names, read_signals, write_signals

__all__ = [
    "default_names",
    "read_confounds",
    "read_labels",
    "read_rows",
    "read_sample_mask",
    "read_signals",
    "write_rows",
    "write_signals",
]
