# SPDX-License-Identifier: Apache-2.0
"""
Functions that stand on a graph's edges.

Nipype stores their source text and runs it by itself, so each brings its own imports.
"""

__all__ = ["fingerprint_of", "first_known", "holds_each", "listed", "pick", "pick_each"]


def pick(values, index):  # type: ignore[no-untyped-def]
    """Give one element of a list; one value stands for a list of one."""
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    return values[index]


def pick_each(lists, index):  # type: ignore[no-untyped-def]
    """Give one element of each run's list."""
    return [values[index] for values in lists]


def holds_each(lists, name):  # type: ignore[no-untyped-def]
    """Tell of each run's list whether it holds a name."""
    return [name in (names or ()) for names in lists]


def listed(values):  # type: ignore[no-untyped-def]
    """Give a list; one value is a list of one."""
    return list(values) if isinstance(values, (list, tuple)) else [values]


def first_known(values):  # type: ignore[no-untyped-def]
    """Give the first value that is not None, or None."""
    values = values if isinstance(values, (list, tuple)) else [values]
    return next((value for value in values if value is not None), None)


def fingerprint_of(path):  # type: ignore[no-untyped-def]
    """Describe the identity on disk of an image and its sidecar."""
    from nipype_mapsmasker.io.sidecars import run_identity

    return run_identity(path)
