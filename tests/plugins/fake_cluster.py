# SPDX-License-Identifier: Apache-2.0
"""PBS, SGE, LSF, HTCondor and OAR in a folder: commands that do each job at once.

Called as `fake_cluster.py FOLDER COMMAND ARGUMENTS...`; what was asked is noted in `calls.txt`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path


def main(folder, command, *arguments):
    """Do what the cluster's command does, as far as Nipype's plugins see it."""
    with (folder / "calls.txt").open("a") as stream:
        stream.write(json.dumps([command, *arguments]) + "\n")
    number = len((folder / "calls.txt").read_text().splitlines())
    if command == "qstat" and "-xml" in arguments:
        jobs = "".join(
            f'<job_list state="zombie"><JB_job_number>{number}</JB_job_number></job_list>'
            for number in (folder / "jobs.txt").read_text().split()
        )
        return f"<root><job_info>{jobs}</job_info></root>"
    if command == "qstat":
        return "    job_state = C\n"
    if command == "bjobs":
        return "DONE\n"
    if command == "oarstat":
        return json.dumps({arguments[-1]: "Terminated"})
    if command == "condor_submit_dag":
        for submit in re.findall(r"^JOB \d+ (\S+)$", Path(arguments[-1]).read_text(), re.M):
            words = dict(re.findall(r"^(\w+) = (.*)$", Path(submit).read_text(), re.M))
            work([words["executable"], words["arguments"]])
        Path(f"{arguments[-1]}.condor.sub").write_text("")
        return ""
    if command in ("qsub", "bsub", "condor_qsub", "oarsub"):
        work(["bash", arguments[-1]])
        with (folder / "jobs.txt").open("a") as stream:
            stream.write(f"{number}\n")
    return {
        "qsub": f"{number}.host\n",
        "bsub": f"Job <{number}> is submitted\n",
        "condor_qsub": f"Your job {number} was submitted\n",
        "oarsub": json.dumps({"job_id": str(number)}) + "\n",
    }.get(command, "")


def work(words):
    """Do a job; where it fails, its result file tells."""
    subprocess.run(words, capture_output=True, check=False)


if __name__ == "__main__":
    said = main(Path(sys.argv[1]), *sys.argv[2:])
    if sys.argv[2] == "qsub" and (Path(sys.argv[1]) / "sge").exists():
        said = f'Your job {said.split(".")[0]} ("x") has been submitted\n'
    sys.stdout.write(said)
