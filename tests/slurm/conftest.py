# SPDX-License-Identifier: Apache-2.0
"""A real Slurm of one host for these tests, brought up once by start.sh and stopped after them."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
COMPONENTS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
INSTALL = "apt-get update && apt-get install -y slurmctld slurmd slurm-client munge"

# Workers and cluster jobs import `nodes` by this name, too; `launch` starts drivers.
NODES = str(HERE.parent / "plugins")
if NODES not in sys.path:
    sys.path.append(NODES)


def missing():
    """Say why Slurm cannot be brought up here; None if it can."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    absent = [name for name in COMPONENTS if shutil.which(name, path=path) is None]
    if absent:
        return f"Slurm is not installed ({', '.join(absent)} not found): {INSTALL}"
    if os.getuid() != 0:
        return "Slurm's daemons of these tests need root; as root, if need be: " + INSTALL
    return None


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Environment variables of the cluster; a skip where the components are absent."""
    reason = missing()
    if reason:
        if os.environ.get("MAPSMASKER_REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    environ = dict(os.environ, PATH=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    try:
        started = subprocess.run(
            [HERE / "start.sh", folder], env=environ, capture_output=True, text=True, timeout=60
        )
        assert started.returncode == 0, started.stderr
        exports = [shlex.split(line)[1] for line in started.stdout.splitlines()]
        yield dict(export.split("=", 1) for export in exports)
    finally:
        subprocess.run([HERE / "stop.sh", folder], env=environ, timeout=60, check=False)


@pytest.fixture
def slurm(cluster):
    """Call one of Slurm's commands and return what it prints."""

    def call(*command, check=True):
        environ = dict(os.environ, **cluster)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    yield call
    host = os.uname().nodename.split(".")[0]
    call("scontrol", "update", f"nodename={host}", "state=resume", check=False)  # idle: refused
    call("scancel", f"--user={os.getuid()}")


@pytest.fixture
def driver(tmp_path, cluster, slurm):
    """A starter of workflows on the cluster, in this test's folder."""
    from launch import Launcher

    folder = tmp_path / "folder"
    folder.mkdir()
    launcher = Launcher(tmp_path / "work", folder)
    launcher.environ.update(cluster)
    launcher.environ.pop("LOGNAME", None)  # cron, containers and services have none
    launcher.wish |= {
        "plugin": "nipype_mapsmasker.plugins.slurm.SLURMPlugin",
        "plugin_args": {"poll_sleep_duration": 0.2, "retry_timeout": 0.1},
        "values": [0, 10],
        "mapnodes": ["first"],
    }
    yield launcher
    launcher.close()


@pytest.fixture
def wrap(tmp_path, driver):
    """Put a command before Slurm's own that fails the first so many times."""

    def make(name, times, words):
        folder = tmp_path / "wrappers"
        folder.mkdir(exist_ok=True)
        count = folder / f"{name}.left"
        count.write_text(str(times))
        script = folder / name
        script.write_text(
            "#!/bin/bash\n"
            f"left=$(cat {shlex.quote(str(count))})\n"
            'if [ "$left" -gt 0 ]; then\n'
            f"  echo $((left - 1)) > {shlex.quote(str(count))}\n"
            f"  echo {shlex.quote(words)} >&2\n"
            "  exit 1\n"
            "fi\n"
            f'exec {shutil.which(name)} "$@"\n'
        )
        script.chmod(0o755)
        driver.environ["PATH"] = f"{folder}{os.pathsep}{driver.environ['PATH']}"
        return lambda: int(count.read_text())

    return make
