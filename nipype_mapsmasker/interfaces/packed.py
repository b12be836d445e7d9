# SPDX-License-Identifier: Apache-2.0
"""Values that travel through a graph unopened."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

__all__ = ["Packed"]


class Packed:
    """
    Hold lists of thousands of entries, so that Nipype takes them for one value.

    Nipype copies, validates and hashes each entry of each list at each node, and asks of each
    text whether a file has that name, which for a short run takes longer than the run.

    Parameters
    ----------
    content : object
        What is held; nobody may change it, as copies share it. Equal content must look equal.

    Examples
    --------
    >>> repr(Packed([1, 2])) == repr(Packed([1, 2]))
    True
    """

    def __init__(self, content: Any) -> None:
        self.content = content

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(repr(self.content).encode(errors="surrogateescape")).hexdigest()

    def __repr__(self) -> str:
        """Stand for the content in the hash of a node."""
        return f"Packed({self._digest})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Packed:
        """Give this very one."""
        return self
