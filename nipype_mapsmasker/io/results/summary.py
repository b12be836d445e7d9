# SPDX-License-Identifier: Apache-2.0
"""What a cleaning did, as its own summary has it, or as far as its signals tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nipype_mapsmasker.io.tables.signals import read_signals

__all__ = ["read_summary"]


def read_summary(
    summary_file: str | Path | None, signals_file: str | Path, timeseries_file: str | Path
) -> dict[str, Any]:
    """
    Read the summary of a cleaning, or say what can be known without one.

    Parameters
    ----------
    summary_file : path_like or None
        JSON of `CleanSignals`; None for a cleaning of the user's own.
    signals_file : path_like
        The signals before.
    timeseries_file : path_like
        The signals after.

    Returns
    -------
    dict
        With ``n_volumes``, ``n_kept``, ``names`` and ``warnings`` at least.
    """
    if summary_file is not None:
        return dict(json.loads(Path(summary_file).read_text(encoding="utf-8")))
    before, names = read_signals(signals_file)
    after, own_names = read_signals(timeseries_file)
    return {
        "n_volumes": len(before),
        "n_kept": len(after),
        "names": list(own_names or names),
        "cleaning": "not by this package",
        "warnings": [],
    }
