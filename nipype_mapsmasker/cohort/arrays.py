# SPDX-License-Identifier: Apache-2.0
"""Scripts of arrays: the same tasks, in the words of four clusters."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nipype_mapsmasker.cohort.shell import option_line, sbatch_word

__all__ = ["CLUSTER_ARRAYS", "ClusterArray", "array_text"]

_TEXT = """\
#!/bin/bash
# Written by mapsmasker. Give it to {submits}:
#     {submit}
# Each task of the array does some of the runs, and a last job makes the tables of the cohort.
# Give it to {submits} again to go on after a bad day: what is done is not done again.
{head}
set -u
{redirect}script={script}
cd {cwd}
{path}mapsmasker() {{ {python} -m nipype_mapsmasker "$@"; }}

if [ "${{1:-}}" = tables ]; then
    mapsmasker {command} --plugin Linear --only-tables
    exit
fi
task={task}
if [ -z "$task" ]; then
    echo "Give this script to {submits}: $script" >&2
    exit 2
fi
if [ "$task" = 1 ]; then
    # Waits for all tasks, however they end.
{tables} || echo "Make the tables by hand: bash $script tables" >&2
fi
mapsmasker {command} --plugin MultiProc --n-procs {n_procs} \\
    --work-dir {work}/slice-"$task" --slice "$task"/{n_tasks}{clean}
"""


@dataclass(frozen=True, kw_only=True)
class ClusterArray:
    """
    Hold how a cluster is asked for an array.

    Parameters
    ----------
    command : str
        What takes the script.
    submit : str
        How it is called; ``{script}`` is the script.
    args : str
        The plugin argument with the user's own options.
    head : callable
        Makes the lines of options from the number of tasks, cores, megabytes, and the folder's
        output pattern.
    output : str
        Name of a task's output, in the cluster's words.
    task : str
        Where the shell finds the number of the task; empty outside of an array.
    jobs : str
        Name of a task's output, for the shell.
    tables : str
        Shell lines that submit the last job.
    line : callable
        Turns the user's options into lines of the script.
    """

    command: str
    submit: str
    args: str
    head: Callable[[int, int, int, str], list[str]]
    output: str
    task: str
    jobs: str
    tables: str
    line: Callable[[str], list[str]]


def array_text(kind: ClusterArray, given: Mapping[str, object], **words: object) -> str:
    """
    Give the text of a script.

    Parameters
    ----------
    kind : ClusterArray
        The cluster.
    given : mapping
        The user's plugin arguments.
    **words
        What stands in the script besides, quoted for the shell.

    Returns
    -------
    str
        The script.
    """
    unit = [int(str(words[name])) for name in ("n_tasks", "n_procs", "mem_mb")]
    head = kind.head(unit[0], unit[1], unit[2], str(words["output"]))
    head += kind.line(str(given.get(kind.args, "") or ""))
    return _TEXT.format(
        submits=kind.command,
        submit=kind.submit.format(script=words["script"]),
        head="\n".join(head),
        task=kind.task,
        tables=kind.tables,
        **words,
    )


def _slurm(n_tasks: int, n_procs: int, mem_mb: int, output: str) -> list[str]:
    return [
        "#SBATCH --job-name=mapsmasker",
        f"#SBATCH --array=1-{n_tasks}",
        f"#SBATCH --cpus-per-task={n_procs}",
        f"#SBATCH --mem={mem_mb}M",
        f"#SBATCH --output={output}",
    ]


def _sge(n_tasks: int, n_procs: int, mem_mb: int, output: str) -> list[str]:
    slots = [f"#$ -pe smp {n_procs}"] if n_procs > 1 else []
    return [
        "#$ -N mapsmasker",
        "#$ -S /bin/bash",
        "#$ -V",
        f"#$ -t 1-{n_tasks}",
        *slots,
        # Counted per slot.
        f"#$ -l mem_free={math.ceil(mem_mb / n_procs)}M",
        "#$ -j y",
        f"#$ -o {output}",
    ]


def _pbs(n_tasks: int, n_procs: int, mem_mb: int, output: str) -> list[str]:
    # PBS takes no array of one task. Torque calls the same option -t.
    array = [f"#PBS -J 1-{n_tasks}"] if n_tasks > 1 else []
    return [
        "#PBS -N mapsmasker",
        "#PBS -V",
        *array,
        f"#PBS -l select=1:ncpus={n_procs}:mem={mem_mb}mb",
        "#PBS -j oe",
        f"#PBS -o {output}",
    ]


def _lsf(n_tasks: int, n_procs: int, mem_mb: int, output: str) -> list[str]:
    return [
        f'#BSUB -J "mapsmasker[1-{n_tasks}]"',
        f"#BSUB -n {n_procs}",
        f'#BSUB -R "span[hosts=1] rusage[mem={mem_mb}MB]"',
        f"#BSUB -M {mem_mb}MB",
        f"#BSUB -o {output}",
    ]


def _sbatch_lines(text: str) -> list[str]:
    """Give a line for each word, quoted as sbatch reads it."""
    return [f"#SBATCH {sbatch_word(word)}" for word in shlex.split(text)]


def _lines(mark: str, name: str) -> Callable[[str], list[str]]:
    """Make what puts the user's options on a line of their own."""

    def line(text: str) -> list[str]:
        return [option_line(mark, name, text)] if text.strip() else []

    return line


CLUSTER_ARRAYS: Mapping[str, ClusterArray] = {
    "slurm": ClusterArray(
        command="sbatch",
        submit="sbatch {script}",
        args="sbatch_args",
        head=_slurm,
        output="slurm-%A_%a.out",
        task='"${SLURM_ARRAY_TASK_ID:-}"',
        jobs='slurm-"${SLURM_ARRAY_JOB_ID:-0}_${SLURM_ARRAY_TASK_ID:-0}".out',
        tables="""\
    sbatch --job-name=mapsmasker-tables --dependency=afterany:"$SLURM_ARRAY_JOB_ID" --array=1 \\
        "$script" tables""",
        line=_sbatch_lines,
    ),
    "sge": ClusterArray(
        command="qsub",
        submit="qsub {script}",
        args="qsub_args",
        head=_sge,
        output="sge-$JOB_ID.$TASK_ID.out",
        # Outside of an array Grid Engine says "undefined".
        task='"${SGE_TASK_ID:-}"; [ "$task" = undefined ] && task=',
        jobs='sge-"${JOB_ID:-0}_${SGE_TASK_ID:-0}".out',
        tables="""\
    echo "bash $(printf %q "$script") tables" |
        qsub -N mapsmasker-tables -S /bin/bash -V -j y -o /dev/null -hold_jid "$JOB_ID\"""",
        line=_lines("#$", "qsub_args"),
    ),
    "pbs": ClusterArray(
        command="qsub",
        submit="qsub {script}",
        args="qsub_args",
        head=_pbs,
        output="",
        # Torque's arrays have another variable; a single task is no array.
        task='"${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-${PBS_JOBID:+1}}}"',
        jobs='pbs-"${PBS_JOBID:-0}".out',
        tables="""\
    if [ -n "${PBS_ARRAY_INDEX:-}" ]; then
        after=afterany:${PBS_ARRAY_ID:-${PBS_JOBID/\\[*\\]/[]}}
    elif [ -n "${PBS_ARRAYID:-}" ]; then
        after=afteranyarray:${PBS_JOBID/\\[*\\]/[]}
    else
        after=afterany:$PBS_JOBID
    fi
    echo "bash $(printf %q "$script") tables" |
        qsub -N mapsmasker-tables -V -j oe -W depend="$after\"""",
        line=_lines("#PBS", "qsub_args"),
    ),
    "lsf": ClusterArray(
        command="bsub",
        submit="bsub < {script}",
        args="bsub_args",
        head=_lsf,
        output="lsf-%J_%I.out",
        # Outside of an array the number is 0.
        task='"${LSB_JOBINDEX:-}"; [ "$task" = 0 ] && task=',
        jobs='lsf-"${LSB_JOBID:-0}_${LSB_JOBINDEX:-0}".out',
        tables="""\
    bsub -J mapsmasker-tables -w "ended($LSB_JOBID)" -o /dev/null \\
        "bash $(printf %q "$script") tables\"""",
        line=_lines("#BSUB", "bsub_args"),
    ),
}
"""By the name in ``--write-<name>-array``."""
