# SPDX-License-Identifier: Apache-2.0
"""Region time series from overlapping brain maps, for whole cohorts, as Nipype nodes."""

__all__ = ["__version__"]

__version__ = "0.1.0.dev0"
