# SPDX-License-Identifier: Apache-2.0
"""What a step took of the machine's memory."""

from __future__ import annotations

import resource
import sys

__all__ = ["peak_memory_mb"]


def peak_memory_mb() -> float:
    """
    Give the peak resident memory of this process.

    Returns
    -------
    float
        MB (10^6 bytes).
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes.
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
