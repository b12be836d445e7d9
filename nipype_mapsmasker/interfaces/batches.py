# SPDX-License-Identifier: Apache-2.0
"""
All steps of some runs in one node, one run after the other.

A node of Nipype's costs some 20 ms and eight files, whatever it does. With thousands of short runs
that is more than the work itself: here a node does the steps of a whole batch of them. The steps
are the very interfaces that would else be nodes, given their inputs as edges would give them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exc
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Bunch,
    DynamicTraitedSpec,
    TraitedSpec,
    Undefined,
    isdefined,
    traits,
)

from nipype_mapsmasker.errors import EngineError
from nipype_mapsmasker.interfaces.base import LeanInterface, or_none
from nipype_mapsmasker.interfaces.packed import Packed
from nipype_mapsmasker.io.journal import note
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import make_key, read_manifest
from nipype_mapsmasker.io.sidecars import fingerprint
from nipype_mapsmasker.steps.group import assign_fits

__all__ = ["BatchStep", "CutRuns", "JoinRuns", "RunBatch"]

LOGGER = logging.getLogger("nipype_mapsmasker.interfaces")


@dataclass(frozen=True, eq=False)
class BatchStep:
    """
    Hold one step of a batch.

    Parameters
    ----------
    name : str
        As its node would be called.
    interface : BaseInterface
        What it does.
    sources : dict of str to tuple
        Where each input comes from: ``("run", name)`` and ``("shared", name)`` from outside,
        ``(step, output)`` from an earlier step, or ``(step, (output, function, *arguments))``.
    defaults : dict
        What those inputs are where nothing comes.
    """

    name: str
    interface: Any
    sources: Mapping[str, tuple[str, Any]]
    defaults: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Remember the inputs as they are."""
        self.defaults.update({name: getattr(self.interface.inputs, name) for name in self.sources})

    def __deepcopy__(self, memo: dict[int, Any]) -> BatchStep:
        """Give this very one: each run sets all inputs, and one process does one run at a time."""
        return self

    def run(self, known: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, Any]:
        """Do the step for one run, in a folder of its own; give its outputs."""
        values = {name: _value(source, known) for name, source in self.sources.items()}
        given = {
            name: value if isdefined(value) else self.defaults[name]
            for name, value in values.items()
        }
        self.interface.inputs.trait_set(**given)
        self.interface._results = {}
        folder.mkdir(parents=True)
        # As Interface.run calls it, without what that measures and writes of each call.
        self.interface._run_interface(Bunch(cwd=str(folder), environ={}))
        return dict(self.interface._results)


def _value(source: tuple[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Any:
    """Give what an input gets, as an edge would."""
    where, output = source
    if not isinstance(output, tuple):
        return known[where].get(output, Undefined)
    name, function, *arguments = output
    value = known[where].get(name, Undefined)
    return function(value, *arguments) if isdefined(value) else value


class _RunBatchInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    runs = traits.Any(mandatory=True, desc="packed: a list of what each run is given, by name")
    recipe = traits.Str(mandatory=True, desc="all steps and their parameters, in one line")
    out_dir = traits.Str(mandatory=True, desc="result folder")
    on_error = traits.Enum(
        "raise",
        "record",
        usedefault=True,
        desc="whether the first crash of a run ends the batch, or the others go on before",
    )


class _RunBatchOutputSpec(TraitedSpec):
    manifest_files = traits.List(
        traits.Union(None, traits.Str()), desc="manifest of each run, None where it failed"
    )
    fault_files = traits.List(traits.Union(None, traits.Str()), desc="fault of each run, or None")


class RunBatch(LeanInterface):
    """
    Do all steps of some runs, one run after the other, and keep nothing but the results.

    A run whose results are in the result folder already is passed over, so that a batch whose
    process was killed goes on where it was. What a run fails for other reasons than its data, such
    as a full disk, costs the batch's others nothing: they are done first, then that is raised.
    What happens is written to a journal at once (`io.journal`).

    Parameters
    ----------
    steps : sequence of BatchStep
        The steps in their order; the last one stores the results.
    shared : sequence of str
        Names of the inputs that all runs share.
    **inputs
        As in any interface.
    """

    input_spec = _RunBatchInputSpec
    output_spec = _RunBatchOutputSpec
    _can_resume = True

    def __init__(
        self, steps: Sequence[BatchStep] = (), shared: Sequence[str] = (), **inputs: Any
    ) -> None:
        self._steps = tuple(steps)
        self._shared = tuple(shared)
        super().__init__(**inputs)
        for name in self._shared:
            self.inputs.add_trait(name, traits.Any(desc="shared by all runs"))
            setattr(self.inputs, name, inputs.get(name, Undefined))

    def _run_interface(self, runtime: Any) -> Any:
        folder = Path(runtime.cwd)
        shared = {name: getattr(self.inputs, name) for name in self._shared}
        crashed: list[str] = []
        manifests, faults = [], []
        for number, run in enumerate(self.inputs.runs.content):
            stored = self._run(run, shared, folder, folder / str(number), crashed)
            manifests.append(stored.get("manifest_file"))
            faults.append(stored.get("fault_file"))
        if crashed:
            msg = "\n".join(crashed)
            raise EngineError(msg)
        self._results = {"manifest_files": manifests, "fault_files": faults}
        return runtime

    def _run(
        self,
        run: Mapping[str, Any],
        shared: Mapping[str, Any],
        folder: Path,
        scratch: Path,
        crashed: list[str],
    ) -> dict[str, Any]:
        """Do one run; give what storing it gave."""
        run_id = str(run["run_id"])
        run = {**run, "key": run.get("key") or self._key(run, shared)}
        manifest_file = self._finished(run)
        if manifest_file is not None:
            note(folder, run_id, {"state": "done"})
            return {"manifest_file": manifest_file}
        shutil.rmtree(scratch, ignore_errors=True)
        known: dict[str, Mapping[str, Any]] = {"run": run, "shared": shared}
        try:
            for step in self._steps:
                note(folder, run_id, {"step": step.name, "state": "started"})
                known[step.name] = step.run(known, scratch / step.name)
        except Exception as error:
            if self.inputs.on_error == "raise":
                raise
            text = format_exc()
            with suppress(OSError):  # the disk may be full
                story = {"state": "crashed", "reason": str(error), "traceback": text}
                note(folder, run_id, story)
            LOGGER.error("%s: %s", run_id, error)
            crashed.append(f"{run_id}: {error}")
            shutil.rmtree(scratch, ignore_errors=True)
            return {}
        note(folder, run_id, {"state": "done"})
        stored = dict(known[self._steps[-1].name])
        if not stored.get("fault_file"):  # a fault's file may be in it
            shutil.rmtree(scratch, ignore_errors=True)
        return stored

    def _finished(self, run: Mapping[str, Any]) -> str | None:
        """Give the manifest of a run whose results are there, and are these very ones."""
        path = run_files(self.inputs.out_dir, str(run["run_id"])).manifest
        manifest = read_manifest(path, str(run["key"]))
        if manifest is None or manifest.key != run["key"] or manifest.failed:
            return None
        return str(path) if manifest.is_whole() else None

    def _key(self, run: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
        """Condense all that a run depends on, where nobody has done that before."""
        given = {name: value for name, value in run.items() if name != "operator_files"}
        return make_key({"run": _named(given), "shared": shared, "recipe": self.inputs.recipe})


def _named(value: Any) -> Any:
    """Put the identity of files in the place of their paths."""
    if isinstance(value, Mapping):
        return {name: _named(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_named(entry) for entry in value]
    if isinstance(value, str) and value.startswith("/") and Path(value).is_file():
        return fingerprint(value)
    return value


class _CutRunsInputSpec(BaseInterfaceInputSpec):
    lists = traits.Any(mandatory=True, desc="packed: lists over runs, of GroupRuns")
    operator_files = traits.Any(desc="per atlas, the operator of every fit")
    coverage_files = traits.Any(desc="per atlas, the coverage of every fit")
    cuts_files = traits.Any(desc="per atlas, the maps' cuts of every fit")
    fit_faults = traits.Any(desc="per atlas, the fault of every fit or None")
    batch_size = traits.Int(1, usedefault=True, desc="runs of a batch")


class _CutRunsOutputSpec(TraitedSpec):
    batches = traits.List(
        traits.Any(), desc="packed, per batch: what each of its runs is given, by name"
    )


class CutRuns(LeanInterface):
    """
    Give every run what its fit made, and turn lists over runs into batches of runs.

    Parameters
    ----------
    columns : dict
        What runs are given: by name the list that it stands in, or ``(list, function,
        *arguments)``.
    **inputs
        As in any interface.

    Examples
    --------
    >>> lists = {"a": [1, 2, 3], "fit_index": [0, 0, 0], "fault_files": [None, None, None]}
    >>> cut = CutRuns({"x": "a"}, lists=Packed(lists), batch_size=2)
    >>> [batch.content for batch in cut.run().outputs.batches]
    [[{'x': 1}, {'x': 2}], [{'x': 3}]]
    """

    input_spec = _CutRunsInputSpec
    output_spec = _CutRunsOutputSpec

    def __init__(self, columns: Mapping[str, Any] | None = None, **inputs: Any) -> None:
        self._columns = dict(columns or {})
        super().__init__(**inputs)

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        lists = inputs.lists.content
        made = ("operator_files", "coverage_files", "cuts_files")
        assigned = assign_fits(
            lists["fit_index"],
            lists["fault_files"],
            or_none(inputs.fit_faults) or [],
            **{name: or_none(getattr(inputs, name)) or [] for name in made},
        )
        known = {"lists": lists | assigned}
        columns = [_value(("lists", source), known) for source in self._columns.values()]
        runs = [
            dict(zip(self._columns, values, strict=True)) for values in zip(*columns, strict=True)
        ]
        size = inputs.batch_size
        self._results["batches"] = [
            Packed(runs[start : start + size]) for start in range(0, len(runs), size)
        ]
        return runtime


class _JoinRunsInputSpec(BaseInterfaceInputSpec):
    manifest_files = traits.Any(mandatory=True, desc="a list per batch")
    fault_files = traits.Any(mandatory=True, desc="a list per batch")


class JoinRuns(LeanInterface):
    """Turn lists over batches into lists over runs."""

    input_spec = _JoinRunsInputSpec
    output_spec = _RunBatchOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        for name in ("manifest_files", "fault_files"):
            batches = getattr(self.inputs, name)
            self._results[name] = [value for batch in batches for value in batch]
        return runtime
