# SPDX-License-Identifier: Apache-2.0
"""A BIDS folder as input: its runs, its atlases, and what must fit together."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from nipype_mapsmasker.cohort.request import CohortRequest, InputRequest, RunSpec
from nipype_mapsmasker.core.parameters import SelectionParameters, parameters_of
from nipype_mapsmasker.errors import GridError, ParameterError
from nipype_mapsmasker.io.bids.atlases import find_atlas, maps_space
from nipype_mapsmasker.io.bids.candidates import LeftOut
from nipype_mapsmasker.io.bids.finding import find_runs
from nipype_mapsmasker.io.bids.names import parse_name
from nipype_mapsmasker.io.bids.selection import space_of
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.tables.fmriprep import tedana_beside

__all__ = [
    "FolderRuns",
    "check_spaces",
    "refuse_selection",
    "runs_of_folder",
    "space_of_run",
    "with_atlases",
    "with_cohort_mask",
]

TEMPLATEFLOW = "TEMPLATEFLOW_HOME"
"""Where TemplateFlow says that its folder is."""

ANY_INPUT = ("maps_space",)
"""Parameters of selection that have a sense for tables and images, too."""

MASK_WORDS = ("run", "cohort", "none")
"""What ``mask_from`` may say instead of a file."""


@dataclass(frozen=True)
class FolderRuns:
    """
    Hold the runs of an input, and what was left out.

    Parameters
    ----------
    runs : list of RunSpec
        The runs.
    left_out : tuple of LeftOut
        Source runs of a BIDS folder that are not among them.
    """

    runs: list[RunSpec]
    left_out: tuple[LeftOut, ...] = ()


def runs_of_folder(request: InputRequest, folder: Path) -> FolderRuns:
    """
    Find the runs of a BIDS folder.

    Parameters
    ----------
    request : InputRequest
        What is asked for.
    folder : Path
        The folder.

    Returns
    -------
    FolderRuns
        Every run with what belongs to it, or with what it lacks.

    Raises
    ------
    ParameterError
        The call cannot be meant.
    """
    uses_confounds = request.needs_confounds()
    uses_tedana = _uses_tedana(request)
    names = [one.name for one in fields(SelectionParameters)]
    selection = SelectionParameters(**{name: getattr(request, name) for name in names})
    choice = find_runs(
        folder,
        selection,
        needs_confounds=request.lacks_confounds(),
        needs_mask=request.mask is None,
    )
    shared = request.mask if request.mask_from in MASK_WORDS else request.mask_from
    own = request.mask_from in ("run", "cohort")
    runs = [
        RunSpec(
            run_id=run.run_id,
            in_file=run.image.path,
            confounds=(
                *(run.confounds if uses_confounds else ()),
                *(tedana_beside(run.image.path) if uses_tedana else ()),
            ),
            mask=(run.mask if own else None) or shared,  # type: ignore[arg-type]
            t_r=request.t_r,
            fault=run.fault,
        )
        for run in choice.runs
    ]
    return FolderRuns(runs, choice.left_out)


def refuse_selection(request: InputRequest) -> None:
    """
    Refuse options of BIDS folders for another input.

    Parameters
    ----------
    request : InputRequest
        The request.

    Raises
    ------
    ParameterError
        One of them is set.
    """
    for name, declared in parameters_of(SelectionParameters).items():
        if name not in ANY_INPUT and getattr(request, name) not in (declared.default, ()):
            flag = "--" + name.replace("_", "-")
            what = f"{request.input} is none"
            if isinstance(request.input, str) and not glob.glob(request.input):  # noqa: PTH207
                what = f"{request.input} does not exist"
            msg = (
                f"{flag} chooses among the runs of a BIDS folder, and {what}; leave it out, or "
                "give a folder."
            )
            raise ParameterError(msg)


def with_atlases(request: CohortRequest, runs: Sequence[RunSpec]) -> CohortRequest:
    """
    Find the atlases that are asked for by name.

    Parameters
    ----------
    request : CohortRequest
        The request.
    runs : sequence of RunSpec
        Its runs, in whose space the atlases must be.

    Returns
    -------
    CohortRequest
        The same with maps and labels in the place of names.

    Raises
    ------
    ParameterError
        An atlas is not there, or not in that space.
    """
    if not request.atlas:
        return request
    space = request.maps_space or next((s for run in runs if (s := space_of_run(run))), None)
    found = [
        find_atlas(name, _atlas_folders(request), space=space, res=request.res)
        for name in request.atlas
    ]
    labels = request.labels or [None] * len(request.maps)
    names = list(request.atlases[: len(request.maps)])
    return replace(
        request,
        maps=[*request.maps, *(one.maps_file for one in found)],
        labels=[*labels, *(one.labels_file for one in found)],
        atlas_names=[*names, *(one.name for one in found)],
        atlas=None,
    )


def check_spaces(request: CohortRequest, runs: Sequence[RunSpec]) -> list[RunSpec]:
    """
    Compare the space of the maps with that of each image.

    Parameters
    ----------
    request : CohortRequest
        The request, with its maps.
    runs : sequence of RunSpec
        The runs.

    Returns
    -------
    list of RunSpec
        The same; of a table or a pattern, a run in another space is at fault.

    Raises
    ------
    ParameterError
        The images of a BIDS folder are in another space than the maps.
    """
    spaces = {
        str(maps): space
        for maps in request.maps
        if (space := request.maps_space or maps_space(str(maps)))
    }
    is_folder = request.folder is not None
    checked = []
    for run in runs:
        faults = (_differ(run, maps, space, is_folder) for maps, space in spaces.items())
        fault = next(filter(None, faults), "")
        if fault and is_folder:
            raise ParameterError(fault)
        checked.append(replace(run, fault=run.fault or fault) if fault else run)
    return checked


def with_cohort_mask(request: CohortRequest, runs: Sequence[RunSpec]) -> list[RunSpec]:
    """
    Give all runs the mask of the cohort, which is written for that.

    Parameters
    ----------
    request : CohortRequest
        The request.
    runs : sequence of RunSpec
        All runs of the cohort with their own masks.

    Returns
    -------
    list of RunSpec
        With the mask of the cohort; in a dry run as they were.

    Raises
    ------
    MapsError
        No run has a mask, or the masks have nothing in common.
    ParameterError
        The masks are on different grids.
    """
    if request.mask_from != "cohort" or request.dry_run or request.folder is None:
        return list(runs)
    from nipype_mapsmasker.steps.cohort_mask import write_cohort_mask

    masks = [run.mask for run in runs if run.mask]
    # Another choice of runs is another mask: neither undoes the other.
    digest = hashlib.sha256("\n".join(masks).encode("utf-8", "surrogateescape")).hexdigest()
    path = private_folder(request.out_dir).absolute() / f"cohort_mask_{digest[:8]}.nii.gz"
    try:
        mask = write_cohort_mask(masks, path)
    except GridError as error:
        raise ParameterError(str(error)) from error
    return [replace(run, mask=str(mask)) for run in runs]


def space_of_run(run: RunSpec) -> str | None:
    """
    Tell the space of a run's image from its name.

    Parameters
    ----------
    run : RunSpec
        The run.

    Returns
    -------
    str or None
        With the cohort of the template; 'native' without ``space-``, None for no BIDS name.
    """
    name = parse_name(Path(run.in_file).name)
    return None if name is None or "sub" not in name.entities else space_of(name.entities)


def _uses_tedana(request: InputRequest) -> bool:
    """Tell whether a strategy uses tedana's components."""
    if not isinstance(request, CohortRequest):
        return False
    chosen = request.confound_strategies().values()
    return any("tedana" in one.strategy for one in chosen if one is not None)


def _atlas_folders(request: CohortRequest) -> list[Path]:
    """List where atlases are looked for."""
    if request.atlas_dir is not None:
        return [Path(folder) for folder in request.atlas_dir]
    found = []
    if request.folder is not None:
        found.append(request.folder / "sourcedata" / "atlases")
    if os.environ.get(TEMPLATEFLOW):
        found.append(Path(os.environ[TEMPLATEFLOW]))
    return [folder for folder in found if folder.is_dir()]


def _differ(run: RunSpec, maps: str, space: str, is_folder: bool) -> str:
    """Say that an image and maps are in different spaces, if they are."""
    own = space_of_run(run)
    if own is None or (own == "native" and not is_folder):
        return ""  # a plain name says nothing of its space
    template, _, cohort = space.partition("_cohort-")
    own_template, _, own_cohort = own.partition("_cohort-")
    if template == own_template and (cohort == own_cohort or not (cohort and own_cohort)):
        return ""
    told = "native space (its name has no space-)" if own == "native" else own
    return (
        f"{run.in_file} is in {told}, and the maps {maps} are in {space}; choose images in that "
        "space by --space, or maps in theirs (--maps-space, if the name of the maps is wrong)."
    )
