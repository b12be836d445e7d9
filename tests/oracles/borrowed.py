# SPDX-License-Identifier: Apache-2.0
"""Take test functions out of nilearn's own test modules, to be run on ours."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["Borrowed"]


class Borrowed:
    """
    Hold what one of nilearn's test modules is used for.

    Parameters
    ----------
    theirs : module
        The test module, as installed.
    label : str
        What to call it in the count.
    replaced : dict
        Names in it that are replaced by ours, and by what.
    adapted : dict
        Tests whose wishes the adapters translate, and which.
    refused : dict
        Tests that ask for what we do otherwise, and why; each must really fail.
    unused : dict
        Tests that never reach what we replace, and what they test instead.
    """

    def __init__(
        self,
        theirs: types.ModuleType,
        label: str,
        replaced: dict[str, Any],
        *,
        adapted: dict[str, str],
        refused: dict[str, str],
        unused: dict[str, str],
    ) -> None:
        self.theirs, self.label, self.replaced = theirs, label, replaced
        self.adapted, self.refused, self.unused = adapted, refused, unused
        every = [name for name in vars(theirs) if name.startswith("test_")]
        self.names = sorted(set(every) - set(unused))
        self.unknown = (set(adapted) | set(refused) | set(unused)) - set(every)

    def tests(self) -> dict[str, Callable[..., None]]:
        """Copy the tests with their marks, so that marking them here does not mark nilearn's."""
        return {name: self._copy(getattr(self.theirs, name)) for name in self.names}

    def fixtures(self, *names: str) -> dict[str, Any]:
        """Give the module's own fixtures."""
        return {name: getattr(self.theirs, name) for name in names}

    def replace(
        self,
        request: pytest.FixtureRequest,
        monkeypatch: pytest.MonkeyPatch,
        record_property: Callable[[str, Any], None],
    ) -> None:
        """Put ours in the place of nilearn's for one test, and record what it is."""
        name = request.function.__name__
        if name not in self.names:
            return
        kind = "refused" if name in self.refused else "as it is"
        kind = "adapted" if name in self.adapted else kind
        reason = self.refused.get(name) or self.adapted.get(name) or ""
        record_property("nilearn's own test", (self.label, name, kind, reason))
        for attribute, what in self.replaced.items():
            monkeypatch.setattr(self.theirs, attribute, what)

    def _copy(self, test: Any) -> Callable[..., None]:
        copy = types.FunctionType(
            test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__
        )
        copy.__dict__.update(test.__dict__)
        copy.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
        copy.__doc__ = test.__doc__
        if test.__name__ in self.refused:
            reason = self.refused[test.__name__]
            copy = pytest.mark.xfail(reason=reason, strict=True)(copy)
        return copy
