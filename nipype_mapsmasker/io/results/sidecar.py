# SPDX-License-Identifier: Apache-2.0
"""The JSON beside a run's cleaned signals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["compose_sidecar"]


def compose_sidecar(
    summary: Mapping[str, Any],
    *,
    in_file: str,
    t_r: float | None,
    atlas: str,
    checksum: str,
    strategy: str,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Say what the signals of one atlas by one strategy are, and what made them.

    Parameters
    ----------
    summary : mapping
        What cleaning did, as `CleanSignals` wrote it.
    in_file : str
        The image; '' where it is not known.
    t_r : float or None
        Repetition time, s.
    atlas, checksum : str
        Name of the atlas, and the SHA-256 of its maps.
    strategy : str
        Name of the strategy, '' for one without a name.
    provenance : mapping
        Versions, parameters and command.

    Returns
    -------
    dict
        Values that JSON can write.
    """
    return {
        **({} if t_r is None else {"RepetitionTime": t_r}),
        "SourceFile": str(Path(in_file).absolute()) if in_file else None,
        "Atlas": {"Name": atlas, "SHA256": checksum},
        "Strategy": strategy or None,
        "VolumesKept": summary["n_kept"],
        **{key: value for key, value in summary.items() if key != "run_id"},
        **provenance,
    }
