# SPDX-License-Identifier: Apache-2.0
"""
Manifests: what a run's results depend on and what they are, written after all of them.

A run is finished if its manifest is there, names the same key, and every file that it lists is
as it was written. A killed writer leaves no manifest; a changed file no longer matches. A file of
which size and both times are those of its writing was not touched since; of all others, as of a
copied folder's, the contents are compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.results.layout import PRIVATE
from nipype_mapsmasker.io.sidecars import checksum

__all__ = [
    "DONE",
    "INCOMPLETE",
    "MANIFEST_FORMAT",
    "WITH_RESULTS",
    "Manifest",
    "make_key",
    "make_run_key",
    "read_manifest",
    "read_manifests",
    "shared_strategies",
    "write_manifest",
]

MANIFEST_FORMAT = 3
"""Version of the manifest's layout; another one counts as absent."""

DONE, INCOMPLETE = "done", "incomplete"
"""Status of a run in ``runs.tsv``: every strategy is done; some failed, the others are done."""

WITH_RESULTS = (DONE, INCOMPLETE)
"""Statuses of runs that have results."""

HASHED_BYTES = 50_000_000
"""Files up to this size are compared by checksum, larger ones by size."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    Hold the record of one run's results.

    Parameters
    ----------
    path : Path
        The manifest.
    key : str
        What the results depend on.
    extraction_key : str
        What the raw signals depend on.
    row : dict
        The run's row of ``runs.tsv``.
    files : dict of str to list
        Paths below the result folder, each with size, checksum, and times of modification and
        change in ns.
    source : str
        The image that they were made of.
    failed : dict of str to str
        Strategies that made nothing of the run, and why.
    state : tuple of int
        Of the manifest's own file when it was read.
    """

    path: Path
    key: str
    extraction_key: str
    row: dict[str, Any]
    files: dict[str, list[Any]]
    source: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    state: tuple[int, ...] = field(default=(), compare=False)

    def is_there(self) -> bool:
        """Tell whether the listed files exist, as they were written or not."""
        root = _root(self.path)
        return all(os.path.isfile(f"{root}/{name}") for name in self.files)  # noqa: PTH113  (fast)

    def lists(self, path: Path) -> bool:
        """Tell whether a file is among the listed ones."""
        return _below(_root(self.path), path) in self.files

    def is_whole(self, paths: Iterable[Path] | None = None) -> bool:
        """Tell whether the listed files, or some of them, are as they were written."""
        root = _root(self.path)
        names = self.files if paths is None else [_below(root, path) for path in paths]
        return all(_is_as_described(f"{root}/{name}", self.files.get(name)) for name in names)


def make_key(parts: Mapping[str, Any]) -> str:
    """
    Condense everything that results depend on into one line.

    Parameters
    ----------
    parts : mapping
        Anything that JSON can write.

    Returns
    -------
    str
        64 hexadecimal digits; the order of the parts does not matter.

    Examples
    --------
    >>> make_key({"a": 1, "b": 2}) == make_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def make_run_key(parts: Mapping[str, Any], strategies: Mapping[str, str]) -> str:
    """
    Condense what a run's results depend on, so that it can be told strategy by strategy.

    Parameters
    ----------
    parts : mapping
        What all of them depend on, as for `make_key`.
    strategies : mapping of str to str
        A key of what each strategy's own depend on, by its name; without blanks.

    Returns
    -------
    str
        The key of the parts and, after blanks, of each strategy; their order does not matter.
    """
    return " ".join([make_key(parts), *sorted(map("=".join, strategies.items()))])


def shared_strategies(key: str, other: str) -> tuple[str, ...]:
    """
    Name the strategies whose results are the same by two keys.

    Parameters
    ----------
    key, other : str
        From `make_run_key`.

    Returns
    -------
    tuple of str
        None of them where anything that all strategies depend on differs.

    Examples
    --------
    >>> old = make_run_key({"t_r": 2}, {"simple": "a", "24P": "b"})
    >>> shared_strategies(old, make_run_key({"t_r": 2}, {"24P": "b", "simple": "c"}))
    ('24P',)
    >>> shared_strategies(old, make_run_key({"t_r": 1}, {"24P": "b"}))
    ()
    """
    (parts, *own), (other_parts, *others) = key.split(" "), other.split(" ")
    if parts != other_parts:
        return ()
    return tuple(entry.rpartition("=")[0] for entry in own if entry in others)


def write_manifest(
    path: Path,
    *,
    key: str,
    extraction_key: str,
    row: Mapping[str, Any],
    files: Iterable[Path],
    source: str = "",
    failed: Mapping[str, str] | None = None,
    earlier: Sequence[Manifest] = (),
) -> Manifest:
    """
    Record a run's results; call it after all of them are in place.

    Parameters
    ----------
    path : Path
        The manifest.
    key, extraction_key : str
        What the results, and the raw signals, depend on.
    row : mapping
        The run's row of ``runs.tsv``.
    files : iterable of Path
        The results, below the result folder.
    source : str
        The image that they were made of.
    failed : mapping of str to str, optional
        Strategies that made nothing of the run, and why.
    earlier : sequence of Manifest
        Records of other calls, from `read_manifests` before anything was written; those whose
        files are still as they were stay, as those of another atlas.

    Returns
    -------
    Manifest
        As written.
    """
    root = _root(path)
    listed = {_below(root, file): _describe(file) for file in files}
    written = {name: entry for name, entry in listed.items() if entry}
    latest = Manifest(path, key, extraction_key, dict(row), written, source, dict(failed or {}))
    others = [one for one in earlier if one.key != key and one.is_whole()]
    content = {
        "format": MANIFEST_FORMAT,
        **_content(latest),
        "earlier": [_content(one) for one in others],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)
    return latest


def read_manifest(
    path: Path, key: str = "", extraction_key: str = "", known: Manifest | None = None
) -> Manifest | None:
    """
    Read the record of a run's results.

    Parameters
    ----------
    path : Path
        The manifest.
    key, extraction_key : str
        What results, and raw signals, are wanted: calls with other atlases have records of their
        own.
    known : Manifest, optional
        What was read before: it is given again, if it has this key and its file is the same.

    Returns
    -------
    Manifest or None
        The record with this key, else one with the same raw signals, else the latest; None where
        there is none that can be read.
    """
    if known is not None and known.key == key and known.state == _state_of(path):
        return known
    records = read_manifests(path)
    fitting = [one for one in records if key and one.key == key]
    fitting += [one for one in records if extraction_key and one.extraction_key == extraction_key]
    return next(iter(fitting or records), None)


def read_manifests(path: Path) -> list[Manifest]:
    """
    Read all records of a run's results.

    Parameters
    ----------
    path : Path
        The manifest.

    Returns
    -------
    list of Manifest
        The latest first; none where they cannot be read.
    """
    state = _state_of(path)
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  (many thousands of them)
            content = orjson.loads(stream.read())
        if content["format"] != MANIFEST_FORMAT:
            return []
        found = [_record(path, one, state) for one in (content, *content.get("earlier", ()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return [one for one in found if one is not None]


def _state_of(path: Path) -> tuple[int, ...]:
    """Tell a manifest's file from another one in its place; nothing where there is none."""
    try:
        state = os.stat(path)  # noqa: PTH116  (many thousands of them)
    except (OSError, ValueError):
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns


def _record(path: Path, content: Mapping[str, Any], state: tuple[int, ...]) -> Manifest | None:
    """Take one record apart; None where it names files that are none of ours."""
    files = dict(content["files"])
    if not files or any(name.startswith("/") or ".." in name.split("/") for name in files):
        return None
    return Manifest(
        path,
        str(content["key"]),
        str(content["extraction_key"]),
        dict(content["row"]),
        files,
        str(content.get("source", "")),
        dict(content.get("failed", {})),
        state,
    )


def _content(record: Manifest) -> dict[str, Any]:
    """Give a record as JSON has it."""
    names = ("key", "extraction_key", "row", "files", "source", "failed")
    return {name: getattr(record, name) for name in names}


def _root(manifest: Path) -> str:
    """Give the result folder of a manifest."""
    text = str(manifest)
    root, private, _ = text.rpartition(f"/{PRIVATE}/")
    if private:
        return root or "/"
    return "." if text.startswith(f"{PRIVATE}/") else str(manifest.parent)


def _below(root: str, path: Path) -> str:
    """Give a path below the result folder, with forward slashes."""
    return path.relative_to(root).as_posix()


def _describe(path: Path) -> list[Any] | None:
    """Give size, checksum and times of a file, or None where there is none."""
    try:
        state = path.stat()
        content = checksum(path) if state.st_size <= HASHED_BYTES else ""
        return [state.st_size, content, state.st_mtime_ns, state.st_ctime_ns]
    except OSError:
        return None


def _is_as_described(path: str, entry: Sequence[Any] | None) -> bool:
    """Compare a file with what `_describe` said of it."""
    if entry is None:
        return False
    try:
        state = os.stat(path)  # noqa: PTH116  (many thousands of them)
        if [state.st_size, state.st_mtime_ns, state.st_ctime_ns] == [entry[0], *entry[2:]]:
            return True
        if state.st_size != entry[0]:
            return False
        return state.st_size > HASHED_BYTES or checksum(path) == entry[1]
    except (OSError, TypeError, IndexError):  # or somebody changed the record
        return False
