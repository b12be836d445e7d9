# SPDX-License-Identifier: Apache-2.0
"""Cohorts in slices: one array of a cluster whose tasks each do some of the runs."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nipype_mapsmasker
from nipype_mapsmasker.cohort.arrays import CLUSTER_ARRAYS, array_text
from nipype_mapsmasker.cohort.plan import Plan
from nipype_mapsmasker.cohort.request import ARRAYS, CohortRequest, RunSpec
from nipype_mapsmasker.cohort.shell import is_plain, shell_join, shell_word
from nipype_mapsmasker.cohort.slicing import slice_numbers
from nipype_mapsmasker.cohort.words import words_of
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.trust import own_folder

__all__ = ["ArrayScript", "slice_of", "task_arguments", "write_array_script"]

DEFAULT_BATCH_SIZE = 20
"""Runs per task of an array: some minutes of work."""

MAX_TASKS = 1000
"""Tasks of an array that Slurm takes unless its MaxArraySize was raised."""

DEFAULT_PROCS = 2
"""Processes per task of an array."""

MIN_TASK_GB = 1.0
"""Memory asked for by a task, GB, at least."""

VALUED = (
    *(f"--{name.replace('_', '-')}" for name in ARRAYS),
    "--batch-size",
    "--plugin",
    "--plugin-args",
    "--work-dir",
    "-w",
)
"""Options that the tasks do not get: each is followed by its value."""

SINGLE = ("--dry-run", "--clean-work-dir", "--no-clean-work-dir")
"""Options that the tasks do not get and that stand alone."""


def slice_of(runs: Sequence[RunSpec], given: str, *, by_subject: bool = False) -> list[RunSpec]:
    """
    Take one slice of the runs.

    Parameters
    ----------
    runs : sequence of RunSpec
        All of them.
    given : str
        K/N: the K-th of N slices.
    by_subject : bool
        Keep the runs of a subject together.

    Returns
    -------
    list of RunSpec
        Every N-th run or subject, so that slices take equally long where a table is sorted by
        length.
    """
    number, n_slices = slice_numbers(given)
    groups = _subjects(runs) if by_subject else [[run] for run in runs]
    return [run for group in groups[number - 1 :: n_slices] for run in group]


def _subjects(runs: Sequence[RunSpec]) -> list[list[RunSpec]]:
    """Group runs by subject, in the order of their first runs."""
    groups: dict[str, list[RunSpec]] = {}
    for run in runs:
        groups.setdefault(run.run_id.partition("_")[0], []).append(run)
    return list(groups.values())


@dataclass(frozen=True, kw_only=True)
class ArrayScript:
    """
    Name the script of an array.

    Parameters
    ----------
    path : Path
        The script.
    submit : str
        The command that submits it.
    n_tasks : int
        Tasks of the array.
    batch_size : int
        Most runs of a task.
    """

    path: Path
    submit: str
    n_tasks: int
    batch_size: int


def write_array_script(request: CohortRequest, plan: Plan) -> ArrayScript:
    """
    Write the script of an array.

    Parameters
    ----------
    request : CohortRequest
        The request, with ``write_slurm_array`` or its like.
    plan : Plan
        Its plan.

    Returns
    -------
    ArrayScript
        What was written.
    """
    cluster, path_asked = request.array or ("slurm", Path("cohort.sh"))
    kind = CLUSTER_ARRAYS[cluster]
    n_tasks, size = _tasks(request, [one.run for one in plan.runs])
    n_procs = min(request.n_procs or DEFAULT_PROCS, size)
    memory = max(MIN_TASK_GB, plan.estimate.task_gb(n_procs))
    script = path_asked.absolute()
    logs = plan.out_dir.absolute() / "logs"
    script.parent.mkdir(parents=True, exist_ok=True)
    home = Path(nipype_mapsmasker.__file__).resolve().parents[1]
    installed = home.is_relative_to(Path(sys.prefix).resolve())
    path = "" if installed else f"export PYTHONPATH={_quoted(home)}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    output = kind.output and str(logs).replace("%", "%%") + f"/{kind.output}"
    redirect = ""
    # Only Slurm is known to take a doubled percent sign for one.
    is_safe = is_plain(str(logs)) and (cluster == "slurm" or "%" not in str(logs))
    if not is_safe or not output:
        # The cluster's command cannot take every name that a shell can.
        output = "/dev/null"
        redirect = f"exec > {_quoted(logs)}/{kind.jobs} 2>&1\n"
    text = array_text(
        kind,
        request.plugin_args or {},
        script=_quoted(script),
        n_tasks=n_tasks,
        n_procs=n_procs,
        mem_mb=math.ceil(1024 * memory),
        output=output,
        redirect=redirect,
        cwd=_quoted(Path.cwd()),
        path=path,
        python=_quoted(sys.executable),
        command=shell_join(task_arguments(words_of(request, script))),
        work=_quoted(request.work_folder),
        clean=" --clean-work-dir" if request.clean_work_dir else "",
    )
    # No cluster makes the folder of its output files, and some drop jobs without it.
    own_folder(logs)
    with atomic_path(script) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        temporary.chmod(0o755)
    return ArrayScript(
        path=script,
        submit=kind.submit.format(script=shlex.quote(str(script))),
        n_tasks=n_tasks,
        batch_size=size,
    )


def _tasks(request: CohortRequest, runs: Sequence[RunSpec]) -> tuple[int, int]:
    """Give the number of tasks, and the most runs that one of them has."""
    if request.folder is None:
        fair = max(DEFAULT_BATCH_SIZE, math.ceil(len(runs) / MAX_TASKS))
        size = fair if request.batch_size is None else request.batch_size
        return max(1, math.ceil(len(runs) / size)), size
    # Subjects stay together: a task may have a run more than was asked for, but not a part of one.
    n_subjects = len(_subjects(runs))
    n_tasks = min(n_subjects, MAX_TASKS)
    if request.batch_size is not None:
        n_tasks = min(n_tasks, math.ceil(len(runs) / request.batch_size))
    n_tasks = max(1, n_tasks)
    sizes = [
        len(slice_of(runs, f"{number}/{n_tasks}", by_subject=True))
        for number in range(1, n_tasks + 1)
    ]
    return n_tasks, max(sizes)


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


def _quoted(path: Path | str) -> str:
    """Quote for the shell."""
    return shell_word(str(path))
