# SPDX-License-Identifier: Apache-2.0
"""What the JSON beside each result says, as BIDS asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nipype_mapsmasker.io.results.dataset import bids_uri, image_fields, name_fields

__all__ = ["COVERAGE_COLUMNS", "Descriptions", "describe_columns"]

COVERAGE_COLUMNS = {
    "Node": {"Description": "Name of the map"},
    "index": {"Description": "Number of the map in the maps image, from 0"},
    "coverage": {
        "Description": "Share of the map's weight that had data: coverage_fit times coverage_data"
    },
    "coverage_fit": {
        "Description": "Share of the map's weight inside the brain mask and the field of view"
    },
    "coverage_data": {
        "Description": "Share of the fitted map's weight in voxels that vary in this run"
    },
    "volumes_with_gaps": {
        "Description": "Number of volumes in which voxels of the map have no data"
    },
    "largest_gap": {"Description": "Most voxels of the map that have no data in one volume"},
    "variance_inflation": {
        "Description": "How many times overlap with other maps multiplies the variance of noise"
    },
    **{
        axis: {"Description": f"Centre of the map's weight along {axis}", "Units": "mm"}
        for axis in "xyz"
    },
}
"""Columns of the table of coverage."""


@dataclass(frozen=True)
class Descriptions:
    """
    Describe the results of one run.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    in_file : str
        The run's image; '' where it is not known.
    t_r : float or None
        Repetition time, s.
    """

    out_dir: Path
    in_file: str
    t_r: float | None

    @cached_property
    def source(self) -> dict[str, Any]:
        """What the image's own sidecars say."""
        return image_fields(self.in_file) if self.in_file else {}

    @cached_property
    def image(self) -> list[str]:
        """The image's URI, where it is known."""
        return [bids_uri(self.in_file, self.out_dir)] if self.in_file else []

    def mean(self, path: Path) -> dict[str, Any]:
        """Describe the mean image."""
        return {**self._fields(path, "Mean of the volumes that were read"), **self._from()}

    def raw(self, path: Path, atlas: str, columns: Sequence[str]) -> dict[str, Any]:
        """Describe signals that were not cleaned."""
        what = f"Signals of the maps of {atlas}, one row per volume, not cleaned"
        fields = {**self._fields(path, what), **self._timing(), **self._from()}
        return fields | describe_columns(columns, fields)

    def cleaned(
        self, path: Path, atlas: str, strategy: str, columns: Sequence[str], raw: Path
    ) -> dict[str, Any]:
        """Describe cleaned signals."""
        what = f"Signals of the maps of {atlas}, one row per volume that was kept"
        what += f", cleaned by the strategy {strategy}" if strategy else ""
        fields = {**self._fields(path, what), **self._timing(), **self._from(raw)}
        return fields | describe_columns(columns, fields)

    def coverage(self, path: Path, atlas: str) -> dict[str, Any]:
        """Describe the table of coverage."""
        what = f"How much of each map of {atlas} the run has"
        return {**self._fields(path, what), **self._from(), **COVERAGE_COLUMNS}

    def reconstruction(self, path: Path, atlas: str, signals: Path) -> dict[str, Any]:
        """Describe an image rebuilt from cleaned signals."""
        what = f"Image rebuilt from the cleaned signals of the maps of {atlas}"
        task = {name: self.source[name] for name in ("TaskName",) if name in self.source}
        return {
            **self._fields(path, what),
            **task,
            **({} if self.t_r is None else {"RepetitionTime": self.t_r}),
            "SkullStripped": True,
            **self._from(signals),
        }

    def _fields(self, path: Path, what: str) -> dict[str, Any]:
        """Give what the file's name asks for."""
        return name_fields(path, self.source, f"{what}.")

    def _timing(self) -> dict[str, Any]:
        """Give the times of signals; "TR" means one sample per volume, where no more is known."""
        start = {name: self.source[name] for name in ("StartTime",) if name in self.source}
        if self.t_r is None:
            return {"SamplingFrequency": "TR", **start}
        frequency = float(f"{1 / self.t_r:.10g}")
        return {"SamplingFrequency": frequency, "RepetitionTime": self.t_r, **start}

    def _from(self, *paths: Path) -> dict[str, Any]:
        """Name what a result was made from: results before it, and the image."""
        return {"Sources": [*(bids_uri(path, self.out_dir) for path in paths), *self.image]}


def describe_columns(columns: Sequence[str], taken: Any = ()) -> dict[str, Any]:
    """
    Describe the columns of a table of signals.

    Parameters
    ----------
    columns : sequence of str
        Their names.
    taken : container of str
        Names that the JSON uses otherwise: such a column stays without a description.

    Returns
    -------
    dict
        By column.
    """
    return {
        name: {"Description": f"Signal of map {number}", "Units": "arbitrary"}
        for number, name in enumerate(columns, start=1)
        if name not in taken
    }
