# SPDX-License-Identifier: Apache-2.0
"""Memory and cores of every node, in the words of each cluster that Nipype knows.

Nipype's plugins for PBS, SGE, LSF, HTCondor and OAR hand a node's own arguments on to the command
that submits its job, and none says what the node needs. (Our SLURM and SLURMGraph do so
themselves.)
"""

from __future__ import annotations

import getpass
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CLUSTERS", "Cluster", "pass_resources"]

MIN_MEM_GB = 0.5
"""Least memory asked for: the interpreter with Nipype and its imports needs most of it."""


@dataclass(frozen=True)
class Cluster:
    """How one of Nipype's plugins is told what a node needs.

    Parameters
    ----------
    key : str
        The plugin argument that goes to the command.
    words : callable
        Makes the words from cores and megabytes.
    said : str
        Pattern of words by which the user has said it already.
    fixed : str
        Words that every job needs besides.
    """

    key: str
    words: Callable[[int, int], str]
    said: str
    fixed: str = ""


def _pbs(cores: int, megabytes: int) -> str:
    return f"-l nodes=1:ppn={cores},mem={megabytes}mb"


def _sge(cores: int, megabytes: int) -> str:
    # mem_free is counted per slot, and is only looked at; h_vmem would kill for mere addresses.
    slots = f"-pe smp {cores} " if cores > 1 else ""
    return f"{slots}-l mem_free={math.ceil(megabytes / cores)}M"


def _lsf(cores: int, megabytes: int) -> str:
    return f"-n {cores} -M {megabytes}MB -R 'span[hosts=1] rusage[mem={megabytes}MB]'"


def _dagman(cores: int, megabytes: int) -> str:
    return f"request_cpus = {cores}\nrequest_memory = {megabytes}\n"


def _oar(cores: int, megabytes: int) -> str:
    return f"-l nodes=1/core={cores}"  # OAR gives memory with the cores


CLUSTERS: Mapping[str, Cluster] = {
    # -V: the job gets the driver's environment, as SGE's template of Nipype says too.
    "PBS": Cluster("qsub_args", _pbs, r"\b(mem|nodes|select)=", "-V"),
    "SGE": Cluster("qsub_args", _sge, r"\b(mem_free|h_vmem|s_vmem|virtual_free)=|-pe\b"),
    "LSF": Cluster("bsub_args", _lsf, r"-M\b|rusage|-n\b"),
    "Condor": Cluster("qsub_args", _pbs, r"\b(mem|pmem|nodes|procs)="),
    "CondorDAGMan": Cluster("override_specs", _dagman, r"request_(cpus|memory)"),
    "OAR": Cluster("oarsub_args", _oar, r"-l\b"),
}
"""By the name of Nipype's plugin."""


def pass_resources(
    nodes: Iterable[Any], plugin: str, plugin_args: Mapping[str, Any]
) -> dict[str, Any]:
    """Tell the cluster what each node needs, unless the user's arguments say it.

    Parameters
    ----------
    nodes : iterable of Node
        Of the workflow; their ``plugin_args`` are set, which the elements of a MapNode inherit.
    plugin : str
        Name of Nipype's plugin.
    plugin_args : mapping
        The user's arguments of the plugin.

    Returns
    -------
    dict
        The arguments that are left for the plugin itself.
    """
    cluster = CLUSTERS.get(plugin)
    if cluster is None:
        return dict(plugin_args)
    # Nipype names jobs after the user and asks nothing but this variable, which cron does not set.
    os.environ.setdefault("LOGNAME", getpass.getuser())
    given = str(plugin_args.get(cluster.key, ""))
    for node in nodes:
        parts = [cluster.fixed, given, str((node.plugin_args or {}).get(cluster.key, ""))]
        if not re.search(cluster.said, " ".join(parts)):
            megabytes = math.ceil(1024 * max(MIN_MEM_GB, float(node.mem_gb or 0)))
            parts.append(cluster.words(max(1, math.ceil(node.n_procs or 1)), megabytes))
        # As a whole, for some of Nipype's plugins drop a node's words where there are their own.
        words = " ".join(part for part in parts if part)
        node.plugin_args = {**(node.plugin_args or {}), cluster.key: words, "overwrite": True}
    return {key: value for key, value in plugin_args.items() if key != cluster.key}
