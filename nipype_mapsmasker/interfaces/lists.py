# SPDX-License-Identifier: Apache-2.0
"""
Lists of lists that stay lists, and results that are handed to the graph around.

Nipype's own ``Merge`` turns a list of one into its only element, which would make a cohort of one
run look like none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    DynamicTraitedSpec,
    TraitedSpec,
    Undefined,
    isdefined,
    traits,
)
from nipype.interfaces.io import add_traits

from nipype_mapsmasker.interfaces.base import LeanInterface
from nipype_mapsmasker.io.atomic import link_or_copy

__all__ = ["HandOver", "ListAtlases", "ListRuns"]


class _ListInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    pass


class _ListOutputSpec(TraitedSpec):
    out = traits.List(desc="the inputs as one list")


class ListAtlases(LeanInterface):
    """
    List the inputs ``in0``, ``in1`` ... one after the other.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.
    **inputs
        As in any interface.

    Examples
    --------
    >>> ListAtlases(2, in0=["a"], in1=["b"]).run().outputs.out
    [['a'], ['b']]
    """

    input_spec = _ListInputSpec
    output_spec = _ListOutputSpec

    def __init__(self, n_inputs: int = 1, **inputs: Any) -> None:
        self._n_inputs = n_inputs
        super().__init__(**inputs)
        for number in range(n_inputs):
            self.inputs.add_trait(f"in{number}", traits.Any(desc=f"element {number}"))
            setattr(self.inputs, f"in{number}", inputs.get(f"in{number}"))

    def _values(self) -> list[Any]:
        return [getattr(self.inputs, f"in{number}") for number in range(self._n_inputs)]

    def _run_interface(self, runtime: Any) -> Any:
        self._results["out"] = self._values()
        return runtime


class ListRuns(ListAtlases):
    """
    Turn lists over runs, one per input, into one list per run.

    Examples
    --------
    >>> ListRuns(2, in0=["a1", "a2"], in1=["b1", "b2"]).run().outputs.out
    [['a1', 'b1'], ['a2', 'b2']]
    """

    def _run_interface(self, runtime: Any) -> Any:
        # A step of the user's own may make less than the one in whose place it stands.
        known = [values for values in self._values() if values is not None]
        self._results["out"] = [list(values) for values in zip(*known, strict=True)]
        return runtime


class HandOver(LeanInterface):
    """
    Hand the results of a run to whatever follows, as Nipype's own interfaces expect them.

    What there is not is undefined, so that a ``DataSink`` leaves it out; and the files are
    linked into this node's folder, so that they are there while the nodes that follow need them,
    also where Nipype removes the folders of nodes that are done.

    Parameters
    ----------
    counts : mapping of str to int or None
        By the name of an output: how many inputs ``<name>_0``, ``<name>_1`` ... it lists, or None
        for one input of its own name.
    **inputs
        As in any interface.

    Examples
    --------
    >>> step = HandOver({"a": None, "b": 1}, a=None, b_0="c")
    >>> outputs = step.run().outputs
    >>> outputs.a, outputs.b
    (<undefined>, ['c'])
    """

    input_spec = _ListInputSpec
    output_spec = DynamicTraitedSpec

    def __init__(self, counts: Mapping[str, int | None] | None = None, **inputs: Any) -> None:
        self._counts = dict(counts or {})
        super().__init__(**inputs)
        for name in self._counts:
            for field in self._fields(name):
                self.inputs.add_trait(field, traits.Any(desc=f"part of {name}"))
                setattr(self.inputs, field, inputs.get(field, Undefined))

    def _fields(self, name: str) -> list[str]:
        count = self._counts[name]
        return [name] if count is None else [f"{name}_{number}" for number in range(count)]

    def _outputs(self) -> Any:
        return add_traits(super()._outputs(), list(self._counts))

    def _run_interface(self, runtime: Any) -> Any:
        for name, count in self._counts.items():
            found = [
                _kept(getattr(self.inputs, field), Path(runtime.cwd) / field)
                for field in self._fields(name)
            ]
            value: Any = found[0] if count is None else found
            entries = value if isinstance(value, list) else [value]
            if any(isdefined(entry) and entry is not None for entry in entries):
                self._results[name] = value
        return runtime


def _kept(value: Any, folder: Path) -> Any:
    """Link the files of a work folder into another; leave everything else as it is."""
    if isinstance(value, list):
        return [_kept(entry, folder / str(number)) for number, entry in enumerate(value)]
    if not isinstance(value, str) or not Path(value).is_file():
        return value
    folder.mkdir(parents=True, exist_ok=True)
    return str(link_or_copy(Path(value), folder / Path(value).name))
