# SPDX-License-Identifier: Apache-2.0
"""
Lists of lists that stay lists.

Nipype's own ``Merge`` turns a list of one into its only element, which would make a cohort of one
run look like none.
"""

from __future__ import annotations

from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    DynamicTraitedSpec,
    TraitedSpec,
    traits,
)

from nipype_mapsmasker.interfaces.base import LeanInterface

__all__ = ["ListAtlases", "ListRuns"]


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
        self._results["out"] = [list(values) for values in zip(*self._values(), strict=True)]
        return runtime
