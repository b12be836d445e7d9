# SPDX-License-Identifier: Apache-2.0
"""Tables of every kind that the package reads and writes, under one name."""

from nipype_mapsmasker.io.signals import default_names, read_signals, write_signals

__all__ = ["default_names", "read_signals", "write_signals"]
