# SPDX-License-Identifier: Apache-2.0
"""A Slurm in a folder: sbatch, squeue, scontrol, sacct and scancel for tests without a cluster.

Called as `fake_slurm.py FOLDER COMMAND ARGUMENTS...`. Jobs run at once, side by side. Files in
FOLDER steer it: `lose` (a pattern: jobs of scripts with this name are accepted and cancelled
before they begin), `sbatch_fails` and `squeue_fails` (how many calls fail next, and how).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


def main(folder, command, *arguments):
    """Do what Slurm's command does, as far as the plugins see it; return its exit code."""
    with (folder / "calls.txt").open("a") as stream:
        stream.write(json.dumps([command, *arguments]) + "\n")
    failing = folder / f"{command}_fails"
    if failing.exists():
        left, _, words = failing.read_text().partition(" ")
        if int(left) > 0:
            failing.write_text(f"{int(left) - 1} {words}")
            sys.stderr.write(words + "\n")
            return 1
    if command == "sbatch":
        return submit(folder, arguments)
    if command == "squeue":
        return list_jobs(folder, arguments)
    return 1  # no scontrol, no accounting


def submit(folder, arguments):
    """Start a job in the background."""
    number = len(list(folder.glob("*.pid"))) + 1
    script = Path(arguments[-1])
    lose = folder / "lose"
    process = None
    if not (lose.exists() and re.search(lose.read_text(), script.name)):
        output = (folder / f"{number}.out").open("w")
        environ = dict(os.environ, SLURM_JOB_ID=str(number))
        process = subprocess.Popen(
            ["bash", str(script)], stdout=output, stderr=output, env=environ, process_group=0
        )
    name = next((word for word in arguments if word.startswith("--job-name=")), "=?")
    (folder / f"{number}.pid").write_text(f"{process.pid if process else 0} {name.split('=')[1]}")
    sys.stdout.write(f"Submitted batch job {number}\n")
    return 0


def list_jobs(folder, arguments):
    """Print jobs as `squeue -o "%A|%T|%r|%j"` does, or those named by -j as Nipype asks."""
    wanted = arguments[arguments.index("-j") + 1] if "-j" in arguments else None
    lines = []
    for path in sorted(folder.glob("*.pid")):
        pid, name = path.read_text().split()
        number = path.name.removesuffix(".pid")
        state = "CANCELLED" if pid == "0" else "RUNNING" if is_running(int(pid)) else "COMPLETED"
        if "all" in arguments or (wanted == number and state == "RUNNING"):
            lines.append(f"{number}|{state}|None|{name}\n")
    sys.stdout.write("".join(lines))
    return 0


def is_running(pid):
    """Whether a job's process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
