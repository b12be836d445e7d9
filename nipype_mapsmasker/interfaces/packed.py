# SPDX-License-Identifier: Apache-2.0
"""Values that travel through a graph unopened."""

from __future__ import annotations

import hashlib
import pickle
import zlib
from typing import Any

__all__ = ["Packed"]


class Packed:
    """
    Hold lists of thousands of entries, so that Nipype takes them for one value.

    Nipype copies, validates and hashes each entry of each list at each node, asks of each text
    whether a file has that name, and stores all of it several times, which for a short run takes
    longer than the run.

    Parameters
    ----------
    content : object
        What is held, as it is now.

    Examples
    --------
    >>> Packed([1, 2]).content
    [1, 2]
    >>> repr(Packed([1, 2])) == repr(Packed([1, 2]))
    True
    """

    def __init__(self, content: Any) -> None:
        self._bytes = zlib.compress(pickle.dumps(content), 1)

    @property
    def content(self) -> Any:
        """What is held; a new one each time."""
        return pickle.loads(zlib.decompress(self._bytes))

    def __repr__(self) -> str:
        """Stand for the content in the hash of a node."""
        return f"Packed({hashlib.sha256(self._bytes).hexdigest()})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Packed:
        """Give this very one, which cannot change."""
        return self
