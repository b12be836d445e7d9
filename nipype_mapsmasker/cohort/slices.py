# SPDX-License-Identifier: Apache-2.0
"""Cohorts in slices: one Slurm array whose tasks each do some of the runs."""

from __future__ import annotations

import argparse
import math
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import nipype_mapsmasker
from nipype_mapsmasker.cohort.inputs import Run
from nipype_mapsmasker.cohort.plan import Plan
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.sidecars import read_json_object

__all__ = ["slice_of", "task_arguments", "write_array_script"]

DEFAULT_BATCH_SIZE = 20
"""Runs per task of an array: some minutes of work."""

MAX_TASKS = 1000
"""Tasks of an array that Slurm takes unless its MaxArraySize was raised."""

DEFAULT_PROCS = 2
"""Processes per task of an array."""

MIN_TASK_GB = 1.0
"""Memory asked for by a task, GB, at least."""

VALUED = ("--write-slurm-array", "--batch-size", "--plugin", "--plugin-args", "--work-dir", "-w")
"""Options that the tasks do not get: each is followed by its value."""

SINGLE = ("--dry-run", "--clean-work-dir", "--no-clean-work-dir")
"""Options that the tasks do not get and that stand alone."""

_TEMPLATE = """\
#!/bin/bash
# Written by mapsmasker. Give it to sbatch:
#     sbatch {script}
# Each task of the array does some of the runs, and a last job makes the tables of the cohort.
# Give it to sbatch again to go on after a bad day: what is done is not done again.
#SBATCH --job-name=mapsmasker
#SBATCH --array=1-{n_tasks}
#SBATCH --cpus-per-task={n_procs}
#SBATCH --mem={mem_mb}M
#SBATCH --output={logs}/slurm-%A_%a.out
{more}
set -u
script={script}
cd {cwd}
{path}mapsmasker() {{ {python} -m nipype_mapsmasker "$@"; }}

if [ "${{1:-}}" = tables ]; then
    mapsmasker {command} --plugin Linear --only-tables
    exit
fi
if [ -z "${{SLURM_ARRAY_TASK_ID:-}}" ]; then
    echo "Give this script to sbatch: $script" >&2
    exit 2
fi
if [ "$SLURM_ARRAY_TASK_ID" = 1 ]; then
    # Waits for all tasks, however they end.
    sbatch --job-name=mapsmasker-tables --dependency=afterany:"$SLURM_ARRAY_JOB_ID" --array=1 \\
        "$script" tables || echo "Make the tables by hand: bash $script tables" >&2
fi
mapsmasker {command} --plugin MultiProc --n-procs {n_procs} \\
    --work-dir {work}/slice-"$SLURM_ARRAY_TASK_ID" --slice "$SLURM_ARRAY_TASK_ID"/{n_tasks}{clean}
"""


def slice_of(runs: Sequence[Run], given: str) -> list[Run]:
    """
    Take one slice of the runs.

    Parameters
    ----------
    runs : sequence of Run
        All of them.
    given : str
        K/N: the K-th of N slices.

    Returns
    -------
    list of Run
        Every N-th run, so that slices take equally long where a table is sorted by length.

    Raises
    ------
    ParameterError
        Anything else than K/N.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", given)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        msg = f"--slice takes K/N with K from 1 to N; got {given!r}."
        raise ParameterError(msg)
    return list(runs[int(match[1]) - 1 :: int(match[2])])


def write_array_script(arguments: argparse.Namespace, plan: Plan) -> str:
    """
    Write the script of a Slurm array.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.
    plan : Plan
        The plan.

    Returns
    -------
    str
        What was written, and how to submit it.

    Raises
    ------
    ParameterError
        A batch size below 1.
    """
    fair = max(DEFAULT_BATCH_SIZE, math.ceil(len(plan.runs) / MAX_TASKS))
    size = fair if arguments.batch_size is None else arguments.batch_size
    if size < 1:
        msg = f"--batch-size must be at least 1; got {size}."
        raise ParameterError(msg)
    n_tasks = max(1, math.ceil(len(plan.runs) / size))
    n_procs = min(arguments.n_procs or DEFAULT_PROCS, size)
    memory = max(MIN_TASK_GB, plan.estimate.task_gb(n_procs))
    script = Path(arguments.write_slurm_array).absolute()
    logs = plan.out_dir.absolute() / "logs"
    work = Path(arguments.work_dir or private_folder(plan.out_dir) / "work").absolute()
    home = Path(nipype_mapsmasker.__file__).resolve().parents[1]
    installed = home.is_relative_to(Path(sys.prefix).resolve())
    path = "" if installed else f"export PYTHONPATH={_quoted(home)}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    text = _TEMPLATE.format(
        script=_quoted(script),
        n_tasks=n_tasks,
        n_procs=n_procs,
        mem_mb=math.ceil(1024 * memory),
        logs=str(logs).replace("%", "%%"),
        more=_sbatch_lines(arguments),
        cwd=_quoted(Path.cwd()),
        path=path,
        python=_quoted(sys.executable),
        command=shlex.join(task_arguments(arguments.command_line)),
        work=_quoted(work),
        clean=" --clean-work-dir" if arguments.clean_work_dir else "",
    )
    # Slurm does not make the folder of its output files, and drops jobs without it.
    logs.mkdir(parents=True, exist_ok=True)
    script.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(script) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        temporary.chmod(0o755)
    return (
        f"mapsmasker: wrote {script}: {n_tasks} tasks of up to {size} runs; "
        f"submit it by\n  sbatch {_quoted(script)}"
    )


def task_arguments(given: Sequence[str]) -> list[str]:
    """
    Leave out of a command line what the tasks of an array are given by the script.

    Parameters
    ----------
    given : sequence of str
        The words of the command.

    Returns
    -------
    list of str
        Those that stay.

    Examples
    --------
    >>> task_arguments(["run", "runs.tsv", "out", "--plugin", "SLURM", "--detrend"])
    ['run', 'runs.tsv', 'out', '--detrend']
    """
    words: list[str] = []
    skip = False
    for word in given:
        if skip:
            skip = False
        elif word in VALUED:
            skip = True
        elif word not in SINGLE and not any(word.startswith(f"{name}=") for name in VALUED):
            words.append(word)
    return words


def _sbatch_lines(arguments: argparse.Namespace) -> str:
    """Turn the plugin argument ``sbatch_args`` into lines of the script."""
    if arguments.plugin_args is None:
        return ""
    given = read_json_object(arguments.plugin_args, "--plugin-args").get("sbatch_args", "")
    return "".join(f"#SBATCH {word}\n" for word in shlex.split(str(given)))


def _quoted(path: Path | str) -> str:
    """Quote for the shell."""
    return shlex.quote(str(path))
