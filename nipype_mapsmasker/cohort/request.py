# SPDX-License-Identifier: Apache-2.0
"""What somebody wants done to a cohort, as one typed value: the door's only argument."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nipype_mapsmasker.cohort.slicing import slice_numbers
from nipype_mapsmasker.core.parameters import (
    EngineParameters,
    MaskerParameters,
    SelectionParameters,
    parameters_of,
    values_of,
)
from nipype_mapsmasker.core.parameters.declare import parameter
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.strategies import read_strategies
from nipype_mapsmasker.io.tables.text import NOT_AVAILABLE

__all__ = ["ARRAYS", "CohortRequest", "InputRequest", "RunSpec", "atlas_names"]

File = str | os.PathLike[str]
"""How a file may be given."""

ARRAYS = ("write_slurm_array", "write_sge_array", "write_pbs_array", "write_lsf_array")
"""Fields that ask for the script of an array."""

_MANY = (list, tuple)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """
    Hold what the user says of one run; relative paths are relative to the current folder.

    Parameters
    ----------
    run_id : str
        Its name.
    in_file : path
        Its image.
    confounds : path or sequence of path
        Its confounds tables.
    sample_mask, mask : path or None
        Volumes to keep; brain mask.
    t_r : float or None
        Repetition time, s.
    fault : str
        Why it cannot be done, if that is known; empty where it is not.

    Examples
    --------
    >>> RunSpec(run_id="sub-01", in_file=Path("bold.nii.gz"), confounds="motion.tsv").confounds
    ('motion.tsv',)
    """

    run_id: str
    in_file: str
    confounds: tuple[str, ...] = ()
    sample_mask: str | None = None
    mask: str | None = None
    t_r: float | None = None
    fault: str = ""

    def __post_init__(self) -> None:
        """Turn paths into text."""
        for name in ("in_file", "sample_mask", "mask"):
            _set(self, name, _path(name, getattr(self, name)))
        _set(self, "confounds", _paths("confounds", self.confounds))


@dataclass(frozen=True, kw_only=True)
class InputRequest(SelectionParameters):
    """Hold which runs are meant, and what is to be said of all of them."""

    input: File | RunSpec | Sequence[File | RunSpec] = parameter(
        MISSING,
        "BIDS folder of derivatives, table of runs (.tsv or .csv), image, pattern of images, or "
        "list of images or `RunSpec`s",
    )
    mask: File | None = parameter(None, "brain mask for runs without their own")
    t_r: float | None = parameter(
        None,
        "repetition time in seconds of runs that are not given their own",
        unit="seconds",
        above=0,
    )
    confounds: File | Sequence[File] | None = parameter(
        None, "confounds tables, for a single image"
    )
    sample_mask: File | None = parameter(None, "table of the volumes to keep, for a single image")

    def __post_init__(self) -> None:
        """Refuse values that make no sense, and turn paths into text."""
        SelectionParameters.__post_init__(self)
        for name in ("mask", "sample_mask"):
            _set(self, name, _path(name, getattr(self, name)))
        _set(self, "confounds", _paths("confounds", self.confounds))
        given = self.input if isinstance(self.input, _MANY) else [self.input]
        entries = [run if isinstance(run, RunSpec) else _path("input", run) for run in given]
        _set(self, "input", tuple(entries) if isinstance(self.input, _MANY) else entries[0])
        if isinstance(self.input, tuple) and None in self.input:
            msg = "input holds None; give an image or a `RunSpec` in each place."
            raise ParameterError(msg)
        if not self.input:
            msg = f"input is empty, expected: {parameters_of(InputRequest)['input'].sentence}."
            raise ParameterError(msg)

    @property
    def folder(self) -> Path | None:
        """The BIDS folder, if the input is one."""
        is_folder = isinstance(self.input, str) and Path(self.input).is_dir()
        return Path(str(self.input)) if is_folder else None

    def needs_confounds(self) -> bool:
        """Tell whether tables of confounds are used."""
        return True

    def lacks_confounds(self) -> bool:
        """Tell whether a run without a table of confounds lacks something."""
        return True


@dataclass(frozen=True, kw_only=True)
class CohortRequest(InputRequest, MaskerParameters, EngineParameters):
    """
    Hold everything that is to be said of a cohort: runs, maps, parameters, engine, results.

    ``input``, ``out_dir`` and ``maps`` or ``atlas`` must be given. All values are checked, alone
    and together, when the request is made, and before any file is opened. `parameters_of` tells
    what each field is; ``atlases`` is made from ``maps`` and ``atlas_names``.

    Examples
    --------
    >>> request = CohortRequest(input="runs.tsv", out_dir="out", maps=["msdl_maps.nii.gz"])
    >>> request.atlases
    ('msdl',)
    >>> CohortRequest(input="runs.tsv", out_dir="out", maps=["msdl_maps.nii.gz"], n_procs=0)
    Traceback (most recent call last):
    ...
    nipype_mapsmasker.errors.ParameterError: n_procs must be a whole number of at least 1, ...
    """

    out_dir: File = parameter(MISSING, "result folder; made if it is absent")
    maps: Sequence[File] = parameter(
        (), "4D images of maps, or 3D images of integer labels; several share one reading"
    )
    atlas: Sequence[str] | None = parameter(
        None,
        "atlases by name, with a size where there are several (DiFuMo:64), from the folders of "
        "atlas_dir",
    )
    atlas_dir: Sequence[File] | None = parameter(
        None,
        "folders of atlases; None is sourcedata/atlases of the BIDS folder, and TemplateFlow's "
        "folder where TEMPLATEFLOW_HOME names it",
    )
    atlas_names: Sequence[str] | None = parameter(
        None, "names of the atlases in the results; None makes them from the names of the files"
    )
    labels: Sequence[File | None] | None = parameter(
        None,
        "tables of the maps' names (TSV, CSV, JSON), one per maps image, n/a for none",
    )
    on_error: Literal["raise", "record"] = parameter(
        "record",
        "what a fault of one run's data does: stop all, or be written down while the other runs "
        "go on",
    )

    dry_run: bool = parameter(False, "whether to look and plan only, and write nothing")
    slice: str | None = parameter(
        None, "K/N for the K-th of N slices of the runs, without the tables of the cohort"
    )
    only_tables: bool = parameter(
        False, "whether to make the tables and the page only, of what is in the result folder"
    )
    write_slurm_array: File | None = parameter(
        None, "script for sbatch to write, whose tasks each do some of the runs, instead of them"
    )
    write_sge_array: File | None = parameter(None, "the same for the qsub of Grid Engine")
    write_pbs_array: File | None = parameter(None, "the same for the qsub of PBS and Torque")
    write_lsf_array: File | None = parameter(None, "the same for LSF's bsub")
    command: Sequence[str] = parameter((), "words of the command that asks for this, kept as told")

    atlases: Sequence[str] = field(init=False, default=("maps",))

    def __post_init__(self) -> None:
        """Refuse values that make no sense, alone or together."""
        InputRequest.__post_init__(self)
        EngineParameters.__post_init__(self)
        self._normalise()
        names = None if self.atlas_names is None else list(self.atlas_names)
        _set(self, "atlases", (*atlas_names(self.maps, names), *(self.atlas or ())))
        MaskerParameters.__post_init__(self)
        if self.labels is not None and len(self.labels) != len(self.maps):
            msg = (
                f"maps has {len(self.maps)} entries and labels {len(self.labels)}; give one table "
                "per maps image, n/a where there is none."
            )
            raise ParameterError(msg)
        if self.slice is not None:
            slice_numbers(self.slice)
        asked = [name for name in ARRAYS if getattr(self, name) is not None]
        if len(asked) > 1:
            msg = f"{' and '.join(asked)} are given together; choose the one of your cluster."
            raise ParameterError(msg)

    def _normalise(self) -> None:
        """Turn paths into text and one path into a list of one; refuse what is empty."""
        for name in ("out_dir", "work_dir", *ARRAYS):
            _set(self, name, _path(name, getattr(self, name)))
        _set(self, "maps", _paths("maps", self.maps))
        if self.atlas_dir is not None:
            _set(self, "atlas_dir", _paths("atlas_dir", self.atlas_dir))
        if isinstance(self.atlas, str):
            _set(self, "atlas", (self.atlas,))
        if None in self.maps or "" in self.maps:
            msg = "maps holds an empty entry; give the path of each maps image."
            raise ParameterError(msg)
        if self.denoise is not None:
            said = [self.denoise] if isinstance(self.denoise, str) else self.denoise
            _set(self, "denoise", tuple(read_strategies(said)))
        if self.labels is not None:
            files = _paths("labels", self.labels)
            _set(self, "labels", tuple(None if file == NOT_AVAILABLE else file for file in files))
        if not self.out_dir:
            msg = (
                "out_dir is empty; name the folder of the results, which is made if it is absent."
            )
            raise ParameterError(msg)
        if not self.maps and not self.atlas:
            msg = (
                "No maps are given; name a 4D image of maps or a 3D image of integer labels "
                "(--maps, maps), or an atlas by its name (--atlas, atlas)."
            )
            raise ParameterError(msg)
        if isinstance(self.command, str):  # text is a sequence, of letters
            msg = f"command must be a list of words; got the text {self.command!r}."
            raise ParameterError(msg)

    def needs_confounds(self) -> bool:
        """Tell whether a strategy uses tables of confounds."""
        named = any(values["confounds_columns"] for values in self.cleanings().values())
        return named or self.denoise is not None

    def check_confounds(self) -> None:
        """Refuse a BIDS folder without a word on which of its confounds are used."""
        if self.folder is not None and self.strategies is None and not self.needs_confounds():
            msg = (
                f"{self.folder} is a BIDS folder, whose tables of confounds have 100 columns and "
                "more; say which are used with --denoise (simple, scrubbing.5+gsr, 36P ...) or "
                "--confounds-columns, or that none is with --denoise none."
            )
            raise ParameterError(msg)

    def lacks_confounds(self) -> bool:
        """Tell whether a run without a table of confounds is at fault."""
        chosen = self.confound_strategies()
        for name, values in self.cleanings().items():
            strategy = chosen[name]
            is_named = bool(values["confounds_columns"]) or (
                strategy is not None and strategy.needs_table
            )
            if is_named and values["missing_confounds"] == "error":
                return True
        return False

    def masker(self) -> MaskerParameters:
        """Give the parameters of the workflow, without runs, engine and places."""
        return MaskerParameters(**values_of(self, MaskerParameters))

    @property
    def array(self) -> tuple[str, Path] | None:
        """The cluster whose array is asked for, and the script to write."""
        asked = [name for name in ARRAYS if getattr(self, name) is not None]
        return (asked[0].split("_")[1], Path(str(getattr(self, asked[0])))) if asked else None

    @property
    def work_folder(self) -> Path:
        """The working folder."""
        return Path(self.work_dir or private_folder(self.out_dir) / "work").absolute()


def atlas_names(maps: Sequence[File], names: Sequence[str] | None = None) -> list[str]:
    """
    Name the atlases.

    Parameters
    ----------
    maps : sequence of path
        The maps images.
    names : sequence of str, optional
        Names that the user gave.

    Returns
    -------
    list of str
        Letters and digits only, all different.

    Raises
    ------
    ParameterError
        Not one name per image.

    Examples
    --------
    >>> atlas_names(["msdl_maps.nii.gz", "tpl-MNI_atlas-DiFuMo_probseg.nii.gz"])
    ['msdl', 'DiFuMo']
    """
    if names is not None:
        if len(names) != len(maps):
            msg = (
                f"maps has {len(maps)} entries and atlas_names {len(names)}; give one name per "
                "maps image."
            )
            raise ParameterError(msg)
        return list(names)
    made: list[str] = []
    for path in maps:
        stem = image_stem(os.fspath(path))
        entity = re.search(r"(?:^|_)atlas-([A-Za-z0-9+]+)", stem)
        # What only says that there are maps is no name, unless there is nothing else.
        short = re.sub(r"[_-]?(maps|probseg|dseg|atlas)$", "", stem)
        name = entity.group(1) if entity else re.sub(r"[^A-Za-z0-9+]", "", short)
        scale = re.search(r"_scale-([A-Za-z0-9+]+)", stem) if entity else None
        name = (name or "maps") + (f":{scale[1]}" if scale else "")
        made.append(name if name not in made else f"{name}{len(made) + 1}")
    return made


def _set(instance: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass while it is made."""
    object.__setattr__(instance, name, value)


def _path(name: str, value: Any) -> str | None:
    """Turn a path into text, or leave a gap."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    msg = f"{name} must be a path; got {value!r}."
    raise ParameterError(msg)


def _paths(name: str, value: Any) -> tuple[str | None, ...]:
    """Turn one path, several, or none into a tuple of text."""
    if value is None:
        return ()
    return tuple(_path(name, path) for path in (value if isinstance(value, _MANY) else [value]))
