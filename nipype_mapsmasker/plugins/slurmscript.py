# SPDX-License-Identifier: Apache-2.0
"""Batch scripts and sbatch options of a node, the same for SLURM and SLURMGraph."""

from __future__ import annotations

import math
import os
import re
import shlex
import site
import sys
import uuid
from pathlib import Path
from typing import Any

__all__ = ["job_name", "resource_options", "split_arguments", "write_batch_script"]

MIN_MEM_GB = 0.5
"""Least memory asked for: the interpreter with Nipype and its imports needs most of it."""

NAME_LENGTH = 100
"""Longest part of a job's name that tells the node; folders and lists stay readable."""


def write_batch_script(pyscript: Path, template: str) -> Path:
    """Write the script for sbatch beside Nipype's Python script.

    The job runs the driver's interpreter and finds every module that the driver finds, whatever
    the user's ``--export`` leaves of the environment.
    """
    _mend_quotes(pyscript)
    path = os.pathsep.join(_search_path())
    lines = [
        template.rstrip("\n"),
        f"export PYTHONPATH={shlex.quote(path)}",
        shlex.join([sys.executable, str(pyscript)]),
    ]
    script = pyscript.with_name(f"batchscript_{pyscript.stem}.sh")
    script.write_text("\n".join(lines) + "\n")
    return script


def job_name(node: Any) -> str:
    """Name a job after its node in letters that Slurm and shells take, and after no other job."""
    full = f"{node._id}.{node._hierarchy}" if node._hierarchy else str(node._id)
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", full)[:NAME_LENGTH].lstrip("-")
    return f"{safe}.{uuid.uuid4().hex[:8]}"


def split_arguments(node: Any, sbatch_args: str | None) -> list[str]:
    """Join the plugin's and the node's own ``sbatch_args``, as Nipype does, and split them."""
    own = (getattr(node, "plugin_args", None) or {}).get("sbatch_args", "")
    if own and node.plugin_args.get("overwrite"):
        return shlex.split(own)
    return shlex.split(f"{sbatch_args or ''} {own}")


def resource_options(node: Any, given: list[str], template: str) -> list[str]:
    """Translate ``n_procs`` and ``mem_gb`` to options, unless the user said otherwise.

    Parameters
    ----------
    node : Node
        The node that the job runs.
    given : list of str
        The user's arguments of sbatch.
    template : str
        The user's head of the batch script; its ``#SBATCH`` lines count as the user's word.
    """
    said = list(given)
    for line in template.splitlines():
        if line.startswith("#SBATCH"):
            said += shlex.split(line.removeprefix("#SBATCH"), comments=True)
    options = []
    if not any(re.match(r"--cpus-per|-c", word) for word in said):
        options.append(f"--cpus-per-task={max(1, math.ceil(node.n_procs))}")
    if not any(word.startswith("--mem") for word in said):
        megabytes = math.ceil(1024 * max(MIN_MEM_GB, node.mem_gb_runtime))
        options.append(f"--mem={megabytes}M")
    return options


def _search_path() -> list[str]:
    """Folders in which the driver finds modules, apart from those of the interpreter itself."""
    asked = {str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(":")}
    homes = [Path(sys.prefix), Path(sys.base_prefix), Path(site.getusersitepackages())]
    homes = [home.resolve() for home in homes]
    found = []
    for part in sys.path:
        folder = Path(part).resolve()  # "" is the working folder
        own = any(folder.is_relative_to(home) for home in homes)
        if folder.exists() and (not own or str(folder) in asked) and str(folder) not in found:
            found.append(str(folder))
    return found


def _mend_quotes(pyscript: Path) -> None:
    """Quote the paths in Nipype's script, which breaks where a folder's name has a quote."""
    folder = str(pyscript.parent)
    if not set(folder) & {"'", "\\"}:
        return
    pickle = folder + "/node_" + pyscript.stem.removeprefix("pyscript_") + ".pklz"
    text = pyscript.read_text()
    for path in (pickle, folder):
        text = text.replace(f"= '{path}'\n", f"= {path!r}\n")
    pyscript.write_text(text)
