# SPDX-License-Identifier: Apache-2.0
"""What every step of one run shares: identity, recorded faults, BLAS threads."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)
from threadpoolctl import ThreadpoolController

from nipype_mapsmasker.core.parameters import ALGORITHM
from nipype_mapsmasker.errors import DataFault, ParameterError
from nipype_mapsmasker.interfaces.threads import hold_threads
from nipype_mapsmasker.interfaces.traits import made_file, optional_file
from nipype_mapsmasker.io.results.faults import is_out_of_memory, write_fault

__all__ = [
    "LeanInterface",
    "RunInputSpec",
    "RunInterface",
    "RunOutputSpec",
    "blas_threads",
    "or_none",
]

_HAS_AFFINITY = hasattr(os, "sched_getaffinity")  # not on macOS

LOGGER = logging.getLogger("nipype_mapsmasker.interfaces")


class RunInputSpec(BaseInterfaceInputSpec):
    """Inputs of every step of one run."""

    run_id = traits.Str("", usedefault=True, desc="name of the run, part of every message")
    source = traits.Str(
        "",
        usedefault=True,
        desc="identity of the run's image on disk (path, size, times): Nipype's own cache key "
        "leaves a file's path out, so two runs of equal size and date would be one",
    )
    on_error = traits.Enum(
        "raise",
        "record",
        usedefault=True,
        desc="what a fault of the run's data does: stop, or be written to fault_file while the "
        "other outputs are None",
    )
    upstream_fault = optional_file("fault of an earlier step, if any")
    skip = traits.Bool(
        False,
        usedefault=True,
        desc="whether an earlier call made what this step would make: then nothing is done",
    )
    algorithm = traits.Int(
        ALGORITHM,
        usedefault=True,
        desc="version of the numbers, part of the cache key; not to be set",
    )
    num_threads = traits.Range(
        low=1,
        value=1,
        usedefault=True,
        nohash=True,
        desc="number of BLAS threads",
    )

    def get_hashval(self, hash_method: str | None = None) -> tuple[list[Any], str]:
        """Hash what is read beside the files that the inputs name, too."""
        entries, value = super().get_hashval(hash_method)
        beside = self.beside()
        if not beside:
            return entries, value
        digest = hashlib.md5(f"{value} {beside}".encode(), usedforsecurity=False).hexdigest()
        return [*entries, ("beside", beside)], digest

    def beside(self) -> str:
        """Describe the identity on disk of files that the step finds by itself."""
        return ""


class RunOutputSpec(TraitedSpec):
    """Outputs of every step of one run."""

    fault_file = made_file(
        "JSON with run, step, reason and traceback where the run's data are at fault"
    )


class LeanInterface(SimpleInterface):
    """An interface whose result file holds no environment variables, which may be secrets."""

    def _pre_run_hook(self, runtime: Any) -> Any:
        # Nipype copies them all into every result; no step of this package reads them there.
        runtime.environ = {}
        return runtime


class RunInterface(LeanInterface):
    """
    A step of one run.

    A subclass implements ``_process``, which fills ``self._results`` or raises. Faults of the
    run's data (`DataFault`) are raised or recorded, as ``on_error`` says; all others, such as a
    full disk, are raised, so that a rerun tries them again.
    """

    _may_be_none: tuple[str, ...] = ()

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        if inputs.upstream_fault:
            self._results = self._empty_results() | {"fault_file": inputs.upstream_fault}
            return runtime
        if inputs.skip:
            self._results = self._empty_results()
            return runtime
        self._check_mandatory()
        try:
            with blas_threads(inputs.num_threads):
                self._process(Path(runtime.cwd))
        except Exception as error:
            if inputs.on_error == "raise" or not _is_of_the_run(error):
                raise
            LOGGER.warning("%s: %s", inputs.run_id or type(self).__name__, error)
            fault = write_fault(
                Path(runtime.cwd) / "fault.json", inputs.run_id, type(self).__name__, error
            )
            self._results = self._empty_results() | {"fault_file": str(fault)}
        else:
            self._results.setdefault("fault_file", None)
        return runtime

    def _check_mandatory(self) -> None:
        """Refuse None, which only a failed run has where a value is needed."""
        for name in self.inputs.traits(mandatory=True):
            if getattr(self.inputs, name) is None and name not in self._may_be_none:
                msg = (
                    f"{type(self).__name__} got None as {name}, which only a run with an "
                    "upstream_fault may have; set it."
                )
                raise ParameterError(msg)

    def _process(self, cwd: Path) -> None:
        """Do the step; write below ``cwd``."""

    def _empty_results(self) -> dict[str, Any]:
        """Give the outputs of a run that failed: nothing, of the kind that each one has."""
        declared = self.output_spec().traits(transient=None)
        return {name: _nothing(trait.trait_type) for name, trait in declared.items()}


def _is_of_the_run(error: Exception) -> bool:
    """Tell whether a fault is of the run's data, foreseen or not, rather than of the system."""
    if isinstance(error, DataFault):
        return True
    return not (isinstance(error, OSError | ParameterError) or is_out_of_memory(error))


def _nothing(kind: Any) -> Any:
    """Give the empty value of an output."""
    if isinstance(kind, traits.List):
        return []
    return next((empty for plain, empty in _EMPTY.items() if isinstance(kind, plain)), None)


_EMPTY = {traits.Str: "", traits.Int: 0, traits.Float: 0.0}
"""What outputs of plain types hold where a run failed."""


def or_none(value: Any) -> Any:
    """
    Turn Nipype's Undefined into None.

    Parameters
    ----------
    value : object
        A trait's value.

    Returns
    -------
    object
        The value, or None.
    """
    return value if isdefined(value) else None


def blas_threads(number: int) -> Any:
    """
    Limit the BLAS threads of this process for a while.

    Parameters
    ----------
    number : int
        Threads; no more are started than there are cores for this process, because threads of
        OpenBLAS wait for each other in busy loops: two on one core take a hundred times as long.

    Returns
    -------
    context manager
        Restores the earlier number.
    """
    limit = min(
        int(number), len(os.sched_getaffinity(0)) if _HAS_AFFINITY else os.cpu_count() or 1
    )
    return hold_threads(_controller(), limit)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Find the BLAS libraries of this process, once."""
    return ThreadpoolController().select(user_api="blas")
