# SPDX-License-Identifier: Apache-2.0
"""
Names of the files in a result folder: the one place that composes them.

A run whose name is made of BIDS entities (``sub-01_task-rest_space-T1w_res-2``) has its results
in ``sub-01/[ses-XX/]func``, under names of BIDS. Any other run has a folder of its own name. What
only this program reads lies in the dot folder `PRIVATE`, which BIDS tools pass over, and under
names that no result has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nipype_mapsmasker.core.names import check_name
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.names import format_entities, parse_entities

__all__ = ["PRIVATE", "RunFiles", "atlas_entities", "check_run_ids", "private_folder", "run_files"]

PRIVATE = ".mapsmasker"
"""Folder of manifests, page data, the lock and the work of Nipype, in the result folder."""

RESERVED = (
    "code",
    "derivatives",
    "dataset_description.json",
    "figures",
    "group",
    "logs",
    "qc.json",
    "qc.tsv",
    "readme.md",
    "report.html",
    "runs.tsv",
    "sourcedata",
    "work",
)
"""Names in the result folder that no run's folder can have, in lower case."""

MEAN = "boldref.nii.gz"
"""Ending of a run's mean image."""

RAW = "raw"
"""``desc-`` of signals that were not cleaned; no strategy has that name."""

STATS = {"pearson": "pearsoncorrelation", "partial": "partialcorrelation"}
"""Measures that have another word in names of files: XCP-D's, which most readers know."""

_OURS = ("atlas", "seg", "scale", "label", "stat")
"""Entities that only results have: a run's name with one of them is no BIDS name of a run."""


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

    @cached_property
    def entities(self) -> Mapping[str, str] | None:
        """Entities of a run with a BIDS name; None for other runs."""
        entities = parse_entities(self.run_id)
        if entities is None or len(entities) < 2 or next(iter(entities)) != "sub":
            return None
        legal = all(re.fullmatch(r"[A-Za-z0-9+]+", label) for label in entities.values())
        return entities if legal and not any(key in entities for key in _OURS) else None

    @cached_property
    def subject_folder(self) -> Path:
        """``sub-XX/[ses-YY]`` for a BIDS name, else the run's own folder."""
        if self.entities is None:
            return self.out_dir / self.run_id
        named = [f"{key}-{self.entities[key]}" for key in ("sub", "ses") if key in self.entities]
        return self.out_dir / "/".join(named)

    @cached_property
    def folder(self) -> Path:
        """The folder of the run's results."""
        return self.subject_folder / "func" if self.entities else self.subject_folder

    @property
    def figures(self) -> Path:
        """The folder of the run's pages."""
        return self.subject_folder / "figures" if self.entities else self.subject_folder

    @cached_property
    def private(self) -> Path:
        """The folder of what only this program reads."""
        return Path(f"{self.out_dir}/{PRIVATE}/runs/{self.run_id}")

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders that files of the run are written to."""
        return tuple(dict.fromkeys((self.folder, self.figures, self.private)))

    @property
    def manifest(self) -> Path:
        """What the results depend on, and their checksums; written last."""
        return Path(f"{self.out_dir}/{PRIVATE}/runs/{self.run_id}/manifest.json")

    @property
    def log(self) -> Path:
        """The traceback of a run that failed."""
        return self.out_dir / "logs" / f"{self.run_id}.txt"

    @property
    def mean(self) -> Path:
        """The run's mean image."""
        return self.folder / self._named({}, "", MEAN)

    @property
    def mean_sidecar(self) -> Path:
        """The JSON beside the mean image."""
        return self.folder / self._named({}, "", "boldref.json")

    def timeseries(self, atlas: str, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name the cleaned signals of one atlas by one strategy."""
        return self.folder / self._named(atlas_entities(atlas), strategy, f"timeseries.{suffix}")

    def sidecar(self, atlas: str, strategy: str = "") -> Path:
        """Name the JSON beside the cleaned signals."""
        return self.timeseries(atlas, strategy, "json")

    def raw(self, atlas: str) -> Path:
        """Name the raw signals, kept so that cleaning can be redone without the image."""
        return self.timeseries(atlas, RAW)

    def raw_sidecar(self, atlas: str) -> Path:
        """Name the JSON beside the raw signals."""
        return self.timeseries(atlas, RAW, "json")

    def coverage(self, atlas: str) -> Path:
        """Name the table of the coverage of the maps."""
        entities = {**atlas_entities(atlas), "stat": "coverage"}
        return self.folder / self._named(entities, "", "bold.tsv")

    def coverage_sidecar(self, atlas: str) -> Path:
        """Name the JSON that describes the columns of the coverage."""
        return self.coverage(atlas).with_suffix(".json")

    def outliers(self, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name the table that says of every volume whether it was kept, and why not."""
        return self.folder / self._named({}, strategy, f"outliers.{suffix}")

    def regressors(self, strategy: str = "") -> Path:
        """Name the table of what a strategy chose to regress, so that it can be done again."""
        return self.private / f"{format_entities({'desc': strategy or 'chosen'})}_regressors.tsv"

    def relmat(self, measure: str, atlas: str, strategy: str = "", suffix: str = "tsv") -> Path:
        """Name a matrix of the relations between the maps' signals."""
        entities = {**atlas_entities(atlas), "stat": STATS.get(measure, measure)}
        return self.folder / self._named(entities, strategy, f"relmat.{suffix}")

    def statmap(self, stat: str, atlas: str, strategy: str = "", suffix: str = "nii.gz") -> Path:
        """Name the maps of a dual regression, one volume per map of the atlas."""
        entities = {**atlas_entities(atlas), "stat": stat}
        return self.folder / self._named(
            entities, f"{strategy}dualregression", f"statmap.{suffix}"
        )

    def reconstruction(self, atlas: str, strategy: str = "", suffix: str = "nii.gz") -> Path:
        """Name the image rebuilt from cleaned signals; BIDS has no ``atlas-`` for images."""
        desc = "+".join([*atlas_entities(atlas).values(), *([strategy] if strategy else [])])
        return self.folder / self._named({}, desc, f"bold.{suffix}")

    def reconstruction_sidecar(self, atlas: str, strategy: str = "") -> Path:
        """Name the JSON beside the rebuilt image."""
        path = self.reconstruction(atlas, strategy)
        return path.with_name(path.name.removesuffix(".nii.gz") + ".json")

    def report(self, atlas: str, strategy: str = "") -> Path:
        """Name the run's page."""
        return self.figures / self._named(atlas_entities(atlas), strategy, "report.html")

    def fit_quality(self, atlas: str) -> Path:
        """Name the table of R squared of the spatial fit of every volume."""
        return self.private / f"{format_entities(atlas_entities(atlas))}_fit.tsv"

    def reportdata(self, atlas: str, strategy: str = "") -> Path:
        """Name what the run's page needs and no other result holds."""
        desc = {"desc": strategy} if strategy else {}
        return self.private / f"{format_entities({**atlas_entities(atlas), **desc})}_page.npz"

    def sidecars(self) -> list[Path]:
        """List files that may be sidecars of the run's cleaned signals."""
        if not self.folder.is_dir():
            return []
        first = self.run_id.partition("_")[0]
        raw = (f"desc-{RAW}_timeseries.json", f"+{RAW}_timeseries.json")
        return sorted(
            path
            for path in self.folder.glob(f"{first}_*_timeseries.json")
            if not path.name.endswith(raw)
        )

    def _named(self, entities: Mapping[str, str], desc: str, ending: str) -> str:
        """Compose a name of the run's entities, those of a result, and what it is."""
        own = dict(self.entities or {})
        descriptions = [own.pop("desc", ""), desc]
        if joined := "+".join(text for text in descriptions if text):
            entities = {**entities, "desc": joined}
        text = format_entities({**own, **entities})
        if self.entities is None:
            text = "_".join(part for part in (self.run_id, text) if part)
        return f"{text}_{ending}"


def atlas_entities(atlas: str) -> dict[str, str]:
    """
    Give the entities of an atlas.

    Parameters
    ----------
    atlas : str
        Its name, perhaps with a scale, as in ``DiFuMo:64``.

    Returns
    -------
    dict of str to str
        ``atlas``, and ``scale`` if there is one.

    Examples
    --------
    >>> atlas_entities("DiFuMo:64")
    {'atlas': 'DiFuMo', 'scale': '64'}
    """
    name, _, scale = atlas.partition(":")
    return {"atlas": name, "scale": scale} if scale else {"atlas": name}


def private_folder(out_dir: str | os.PathLike[str]) -> Path:
    """
    Name the folder of what only this program reads.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.

    Returns
    -------
    Path
        In it.
    """
    return Path(out_dir) / PRIVATE


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
    return RunFiles(out_dir if isinstance(out_dir, Path) else Path(out_dir), run_id)


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
        A name that cannot be a file's, or two that differ by case, or by the order of their
        entities, at most.
    """
    seen: dict[str, str] = {}
    here = Path()
    for run_id in run_ids:
        check_name("run_id", run_id)
        lower = run_id.casefold()
        if lower in RESERVED or lower.startswith((".", "atlas-")):
            msg = (
                f"A run cannot be called {run_id!r}: the result folder uses that name; rename it."
            )
            raise ParameterError(msg)
        # Some file systems do not tell upper from lower case.
        name = RunFiles(here, run_id)._named({}, "", MEAN).casefold()
        if name in seen:
            msg = (
                f"run_ids holds {seen[name]!r} and {run_id!r}, so two runs would write the same "
                "files; give every run a run_id of its own."
            )
            raise ParameterError(msg)
        seen[name] = run_id
