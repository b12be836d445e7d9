# SPDX-License-Identifier: Apache-2.0
"""Names of the files in the result folder, and the rules that a run's name must keep."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.core.names import check_name
from nipype_mapsmasker.errors import ParameterError

__all__ = ["RunFiles", "check_run_ids", "run_files"]

RESERVED = (
    "dataset_description.json", "logs", "qc.json", "qc.tsv", "report.html", "runs.tsv", "work"
)  # fmt: skip
"""Names in the result folder that no run's folder can have, in lower case."""

_BIDS_NAME = re.compile(r"^(sub-[A-Za-z0-9]+)(?:_(ses-[A-Za-z0-9]+))?_[A-Za-z0-9_+-]+$")


@dataclass(frozen=True)
class RunFiles:
    """
    Name the results of one run.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    run_id : str
        The run.
    """

    out_dir: Path
    run_id: str

    @property
    def folder(self) -> Path:
        """The run's folder: ``sub-XX/[ses-YY/]func`` for a BIDS name, else its name."""
        match = _BIDS_NAME.match(self.run_id)
        if match is None:
            return self.out_dir / self.run_id
        parts = [part for part in match.groups() if part]
        return self.out_dir.joinpath(*parts, "func")

    def _named(self, ending: str) -> Path:
        return self.folder / f"{self.run_id}_{ending}"

    @property
    def manifest(self) -> Path:
        """What the results depend on, and their checksums; written last."""
        return self._named("manifest.json")

    @property
    def mean(self) -> Path:
        """The run's mean image."""
        return self._named("mean.nii.gz")

    @property
    def log(self) -> Path:
        """The traceback of a run that failed."""
        return self.out_dir / "logs" / f"{self.run_id}.txt"

    def timeseries(self, atlas: str, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name the cleaned signals of one atlas by one strategy."""
        return self._named(f"{self._entities(atlas, strategy)}_timeseries.{suffix}")

    def sidecar(self, atlas: str, strategy: str = "") -> Path:
        """Name the JSON beside the cleaned signals."""
        return self.timeseries(atlas, strategy, "json")

    def raw(self, atlas: str) -> Path:
        """Name the raw signals, kept so that cleaning can be redone without the image."""
        return self.timeseries(atlas, "raw")

    def coverage(self, atlas: str) -> Path:
        """Name the table of the coverage of the maps."""
        return self._named(f"{self._entities(atlas)}_coverage.tsv")

    def fit_quality(self, atlas: str) -> Path:
        """Name the table of R squared of the spatial fit of every volume."""
        return self._named(f"{self._entities(atlas)}_fitquality.tsv")

    def outliers(self, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name the table that says of every volume whether it was kept, and why not."""
        return self._named((f"desc-{strategy}_" if strategy else "") + f"outliers.{suffix}")

    def relmat(self, measure: str, atlas: str, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name a matrix of the relations between the maps' signals."""
        desc = f"_desc-{strategy}" if strategy else ""
        return self._named(f"atlas-{atlas}_stat-{measure}{desc}_relmat.{suffix}")

    def statmap(self, stat: str, atlas: str, strategy: str = "", suffix: str = "nii.gz") -> Path:
        """Name the maps of a dual regression."""
        return self._named(
            f"atlas-{atlas}_stat-{stat}_desc-{strategy}dualregression_statmap.{suffix}"
        )

    def reconstruction(self, atlas: str, strategy: str = "") -> Path:
        """Name the image rebuilt from cleaned signals."""
        return self._named(f"{self._entities(atlas, strategy)}_reconstruction.nii.gz")

    def report(self, atlas: str, strategy: str = "") -> Path:
        """Name the run's page."""
        return self._named(f"{self._entities(atlas, strategy)}_report.html")

    def reportdata(self, atlas: str, strategy: str = "") -> Path:
        """Name what the run's page needs and no other result holds."""
        return self._named(f"{self._entities(atlas, strategy)}_reportdata.npz")

    @staticmethod
    def _entities(atlas: str, strategy: str = "") -> str:
        return f"atlas-{atlas}" + (f"_desc-{strategy}" if strategy else "")


def run_files(out_dir: str | Path, run_id: str) -> RunFiles:
    """
    Name the results of one run.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        The run.

    Returns
    -------
    RunFiles
        Its paths.

    Raises
    ------
    ParameterError
        The name cannot be part of a file's.
    """
    check_name("run_id", run_id)
    return RunFiles(Path(out_dir), run_id)


def check_run_ids(run_ids: Iterable[str]) -> None:
    """
    Refuse run names that cannot name files, or that would write the same ones.

    Parameters
    ----------
    run_ids : iterable of str
        The names.

    Raises
    ------
    ParameterError
        A name that cannot be a file's, or two that differ by case at most.
    """
    seen: dict[str, str] = {}
    for run_id in run_ids:
        check_name("run_id", run_id)
        if run_id.casefold() in RESERVED or run_id.startswith(".mapsmasker"):
            msg = (
                f"A run cannot be called {run_id!r}: the result folder uses that name; rename it."
            )
            raise ParameterError(msg)
        # Some file systems do not tell upper from lower case.
        name = run_id.casefold()
        if name in seen:
            msg = (
                f"run_ids holds {seen[name]!r} and {run_id!r}, so two runs would write the same "
                "files; give every run a run_id of its own."
            )
            raise ParameterError(msg)
        seen[name] = run_id
