# SPDX-License-Identifier: Apache-2.0
"""What the builders take: every parameter of a masker, and a few of the workflow itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from nipype_mapsmasker.core.parameters import MaskerParameters, document, parameter
from nipype_mapsmasker.errors import ParameterError

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

__all__ = ["CohortArguments", "RunArguments", "WorkflowArguments", "takes"]

_LAST_SECTIONS = """

    Returns
    -------
    Workflow
        With a public face of ``inputnode`` and ``outputnode``.

    Raises
    ------
    ParameterError
        Parameters that make no sense, alone or together.
"""
"""How the docstring of every builder ends."""

P = ParamSpec("P")
A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class WorkflowArguments(MaskerParameters):
    """Hold what both builders take; `parameters_of` tells what each field is."""

    out_dir: str | Path | None = parameter(
        None,
        "result folder for the final files, and for the tables and the page of all runs that it "
        "holds; None leaves all results in the working directory",
    )
    command: str = parameter("", "the command that runs this, for the record")
    extract_mem_gb: float = parameter(
        0.8, "memory of an extraction in GB, for Nipype's schedulers", unit="GB", above=0
    )
    fit_mem_gb: float = parameter(
        1.5, "memory of a fit in GB, for Nipype's schedulers", unit="GB", above=0
    )
    cohort_tables: bool = parameter(
        True, "whether to end with the tables and the page of all runs of the result folder"
    )

    def folder(self) -> str:
        """Give the result folder as an absolute path, or '' for none."""
        return "" if self.out_dir is None else str(Path(self.out_dir).absolute())


@dataclass(frozen=True, kw_only=True)
class RunArguments(WorkflowArguments):
    """Hold what `init_run_wf` takes."""

    name: str = parameter("mapsmasker_run_wf", "name of the workflow")


@dataclass(frozen=True, kw_only=True)
class CohortArguments(WorkflowArguments):
    """Hold what `init_cohort_wf` takes."""

    batch_size: int | None = parameter(
        None,
        "runs whose steps one node does, one run after the other, for thousands of short ones; "
        "needs out_dir, whose files are then the only results; None makes each step a MapNode "
        "over runs",
        low=1,
    )
    name: str = parameter("mapsmasker_cohort_wf", "name of the workflow")

    def __post_init__(self) -> None:
        """Refuse batches whose results would be nowhere."""
        WorkflowArguments.__post_init__(self)
        if self.batch_size is not None and self.out_dir is None:
            msg = (
                f"batch_size={self.batch_size} needs out_dir, because nothing but the result "
                "folder holds what a batch makes; give out_dir, or leave batch_size out."
            )
            raise ParameterError(msg)


def takes(
    arguments: Callable[P, A],
) -> Callable[[Callable[[A], Workflow]], Callable[P, Workflow]]:
    """
    Give a builder the fields of a dataclass as its keyword arguments.

    Signature, help, editors and type checkers then show every parameter, and none is written
    twice: in the builder's docstring ``{parameters}`` stands for their entries, and what it
    returns and raises is added.

    Parameters
    ----------
    arguments : type
        The dataclass.

    Returns
    -------
    callable
        A decorator for a function of one instance of it.
    """

    def decorate(build: Callable[[A], Workflow]) -> Callable[P, Workflow]:
        @wraps(build)
        def builder(*args: P.args, **kwargs: P.kwargs) -> Workflow:
            return build(arguments(*args, **kwargs))

        signature = inspect.signature(arguments).replace(return_annotation="Workflow")
        builder.__signature__ = signature  # type: ignore[attr-defined]
        if build.__doc__ is not None and isinstance(arguments, type):
            text = build.__doc__.replace("{parameters}", document(arguments))
            builder.__doc__ = text.rstrip() + _LAST_SECTIONS
        return builder

    return decorate
