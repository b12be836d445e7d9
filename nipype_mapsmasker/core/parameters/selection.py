# SPDX-License-Identifier: Apache-2.0
"""Parameters that say which runs of a BIDS folder are meant, and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nipype_mapsmasker.core.parameters.declare import parameter, parameters_of
from nipype_mapsmasker.errors import ParameterError

__all__ = ["SelectionParameters"]


@dataclass(frozen=True, kw_only=True)
class SelectionParameters:
    """Hold which runs of a BIDS folder are meant; `parameters_of` tells what each field is."""

    participant_label: Sequence[str] | None = parameter(
        None, "subjects to do, with or without sub-; None is all"
    )
    exclude_participant_label: Sequence[str] | None = parameter(None, "subjects to leave out")
    session_label: Sequence[str] | None = parameter(None, "sessions to do; None is all")
    task_label: Sequence[str] | None = parameter(None, "tasks to do; None is all")
    run_label: Sequence[str] | None = parameter(
        None, "labels of run- to do; None is all, and 1 means 01 too"
    )
    space: str | None = parameter(
        None,
        "space of the images, such as MNI152NLin6Asym; 'native' for images without space-",
    )
    res: str | None = parameter(None, "label of res- of the images; 'n/a' for images without one")
    cohort: str | None = parameter(None, "label of cohort- of the images, in templates of infants")
    echo: str | None = parameter(
        None, "single echo to take instead of the combined images, such as 2"
    )
    desc: str | None = parameter(
        None, "label of desc- of the images; None is preproc, and 'n/a' images without one"
    )
    bids_filter_file: str | None = parameter(
        None, "JSON of conditions on the entities of the files called bold, mask and confounds"
    )
    exclude_runs: Sequence[str] | None = parameter(
        None, "runs to leave out: names, patterns such as 'sub-06_*', or files that list them"
    )
    derivatives: Sequence[str] | None = parameter(
        None,
        "more folders of derivatives, each as NAME=FOLDER, to find images or confounds in "
        "(tedana, fMRIPost-AROMA, confounds kept elsewhere)",
    )
    mask_from: str = parameter(
        "run",
        "brain mask: 'run' for each run's own, 'cohort' for the voxels in at least half of the "
        "runs' own, 'none', or a file",
    )
    maps_space: str | None = parameter(
        None, "space of the maps, where neither their name nor their sidecar tells it"
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name, declared in parameters_of(SelectionParameters).items():
            declared.check(getattr(self, name))
            if "Sequence" in declared.annotation and isinstance(getattr(self, name), str):
                msg = f"{name} must be a list; got the text {getattr(self, name)!r}."
                raise ParameterError(msg)
        for entry in self.derivatives or ():
            name, _, folder = entry.partition("=")
            if not name or not folder:
                msg = f"derivatives must be entries NAME=FOLDER; got {entry!r}."
                raise ParameterError(msg)
