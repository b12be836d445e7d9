# SPDX-License-Identifier: Apache-2.0
"""Nipype's MultiProc, SLURM and SLURMGraph plugins, mended; usable by any Nipype workflow.

>>> from nipype_mapsmasker.plugins import MultiProcPlugin
>>> plugin = MultiProcPlugin(plugin_args={"n_procs": 2})

and then ``workflow.run(plugin=plugin)``. After :func:`register`, the names work as well:
``workflow.run(plugin="MapsmaskerMultiProc", plugin_args={"n_procs": 2})``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "MultiProcPlugin",
    "SLURMGraphPlugin",
    "SLURMPlugin",
    "available_cpus",
    "available_memory_gb",
    "register",
]

_HOMES = {
    "MultiProcPlugin": "multiproc",
    "SLURMGraphPlugin": "slurmgraph",
    "SLURMPlugin": "slurm",
    "available_cpus": "resources",
    "available_memory_gb": "resources",
}


def __getattr__(name: str) -> Any:
    """Import on demand, so that asking for the cores does not load Nipype."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def register() -> None:
    """Let ``workflow.run(plugin="MapsmaskerMultiProc")`` and its Slurm siblings find the classes.

    Nipype looks a plugin's name up in its own package and knows no other way to announce one.
    """
    import nipype.pipeline.plugins as nipype_plugins

    for name in ("MultiProcPlugin", "SLURMPlugin", "SLURMGraphPlugin"):
        setattr(nipype_plugins, f"Mapsmasker{name}", __getattr__(name))
