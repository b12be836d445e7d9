# SPDX-License-Identifier: Apache-2.0
"""Cores and memory, read from made-up kernel files and environments."""

import subprocess
import sys

import pytest

from nipype_mapsmasker.plugins.resources import available_cpus, available_memory_gb

GB = 1024**3


@pytest.fixture
def host(tmp_path):
    """Write kernel files under a root of our own: 64 GB, no groups yet."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    write({"proc/meminfo": f"MemTotal:       {64 * 1024**2} kB\nMemFree: 12 kB"})
    return write


def test_without_limits(host):
    root = host({"proc/self/cgroup": "0::/"})
    assert available_cpus(root=root, environ={}, affinity=12) == 12
    assert available_memory_gb(root=root, environ={}) == 64


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"job": "max 100000"}, 12),
        ({"job": "250000 100000"}, 2),
        ({"job": "50000 100000"}, 1),
        ({"job": "max 100000", "": "300000 100000"}, 3),
        ({"job": "600000 100000", "job/step": "800000 100000"}, 6),
    ],
)
def test_cpu_quota_of_version_2_anywhere_up_the_hierarchy(host, quotas, expected):
    root = host({"proc/self/cgroup": "0::/job/step"})
    host({f"sys/fs/cgroup/{group}/cpu.max": text for group, text in quotas.items()})
    assert available_cpus(root=root, environ={}, affinity=12) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"job": "max"}, 64),
        ({"job": str(4 * GB)}, 4),
        ({"job/step": str(8 * GB), "job": str(6 * GB)}, 6),
        ({"": str(2 * GB)}, 2),  # the only place that shows inside a container
    ],
)
def test_memory_limit_of_version_2_anywhere_up_the_hierarchy(host, limits, expected):
    root = host({"proc/self/cgroup": "0::/job/step"})
    host({f"sys/fs/cgroup/{group}/memory.max": text for group, text in limits.items()})
    assert available_memory_gb(root=root, environ={}) == expected


def test_limits_of_version_1(host):
    root = host(
        {
            "proc/self/cgroup": "4:memory:/slurm/job_7\n3:cpu,cpuacct:/slurm/job_7\n1:name=x:/",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/slurm/memory.limit_in_bytes": str(16 * GB),
            "sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes": str(3 * GB),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us": "400000",
            "sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us": "100000",
        }
    )
    assert available_memory_gb(root=root, environ={}) == 3
    assert available_cpus(root=root, environ={}, affinity=12) == 4


@pytest.mark.parametrize(
    ("environ", "cpus", "memory_gb"),
    [
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_MEM_PER_NODE": "8192"}, 4, 8),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "8"}, 4, 64),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_MEM_PER_CPU": "2048"}, 8, 16),
        ({"SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_CPU": "1024"}, 2, 2),
        ({"SLURM_MEM_PER_NODE": "0"}, 12, 64),  # --mem=0: the whole node
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_MEM_PER_NODE": "lots"}, 12, 64),
        ({"SLURM_CPUS_PER_TASK": "99", "SLURM_MEM_PER_NODE": "999999"}, 12, 64),
    ],
)
def test_slurm_allocation(host, environ, cpus, memory_gb):
    root = host({"proc/self/cgroup": "0::/"})
    assert available_cpus(root=root, environ=environ, affinity=12) == cpus
    assert available_memory_gb(root=root, environ=environ) == memory_gb


def test_without_any_kernel_files(tmp_path):
    assert available_cpus(root=tmp_path, environ={}, affinity=3) == 3
    assert available_memory_gb(root=tmp_path, environ={}) > 0


def test_this_very_process():
    assert available_cpus() >= 1
    assert available_memory_gb() > 0


def test_asking_for_the_cores_does_not_load_nipype():
    code = (
        "import sys; from nipype_mapsmasker.plugins import available_cpus; available_cpus();"
        "sys.exit('nipype' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
