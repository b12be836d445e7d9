# SPDX-License-Identifier: Apache-2.0
"""Cores and memory that this process may really use, not those of the whole machine.

A container, a batch job or ``taskset`` often leaves a small share of a large host. Each
function takes the smallest of what the host, the affinity mask, the control groups (version 1
and 2, walking up the hierarchy) and the Slurm allocation grant.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["available_cpus", "available_memory_gb"]

GB = 1024**3
"""Bytes in a gigabyte, as Nipype and Slurm count them."""

CGROUP_V1_UNLIMITED_BYTES = 2**60
"""Version 1 writes 'no limit' as a number just under 2**63; nobody owns this much memory."""


def available_cpus(
    *,
    root: str | os.PathLike[str] = "/",
    environ: Mapping[str, str] | None = None,
    affinity: int | None = None,
) -> int:
    """Count the cores that this process may use, at least one.

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` are found; tests give a folder of their own.
    environ : mapping of str to str, optional
        The environment; ``os.environ`` by default.
    affinity : int, optional
        Number of cores of the affinity mask; asked of the kernel by default.

    Returns
    -------
    int
        The smallest of the affinity mask, the CPU quota of each control group up the hierarchy
        (rounded down) and ``SLURM_CPUS_PER_TASK`` (else ``SLURM_CPUS_ON_NODE``).
    """
    environ = os.environ if environ is None else environ
    counts = [float(affinity if affinity is not None else _affinity())]
    counts += _cpu_quotas(Path(root))
    allocated = _slurm_cpus(environ)
    if allocated is not None:
        counts.append(allocated)
    return max(1, math.floor(min(counts)))


def available_memory_gb(
    *,
    root: str | os.PathLike[str] = "/",
    environ: Mapping[str, str] | None = None,
) -> float:
    """Measure the memory that this process may use, in GB (2**30 bytes).

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` are found; tests give a folder of their own.
    environ : mapping of str to str, optional
        The environment; ``os.environ`` by default.

    Returns
    -------
    float
        The smallest of the host's memory, the limit of each control group up the hierarchy and
        ``SLURM_MEM_PER_NODE`` (else ``SLURM_MEM_PER_CPU`` times the cores of the allocation).
    """
    environ = os.environ if environ is None else environ
    sizes = [_host_memory(Path(root)), *_memory_limits(Path(root))]
    allocated = _slurm_memory(environ)
    if allocated is not None:
        sizes.append(allocated)
    return min(sizes) / GB


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _host_memory(root: Path) -> float:
    """Physical memory in bytes; infinite when the host does not tell."""
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return float(line.split()[1]) * 1024
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError):  # pragma: no cover - neither Linux nor macOS
        return math.inf


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Cores granted by each control group that sets a quota."""
    for folder in _cgroup_folders(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")  # version 2
        if not quota:
            quota = _read(folder / "cpu.cfs_quota_us")  # version 1; -1 is no quota
            period = _read(folder / "cpu.cfs_period_us")
        cores, length = _number(quota), _number(period)
        if cores is not None and length is not None and cores > 0 and length > 0:
            yield cores / length


def _memory_limits(root: Path) -> Iterator[float]:
    """Bytes granted by each control group that sets a limit."""
    for folder in _cgroup_folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # versions 2 and 1
            limit = _number(_read(folder / name))
            if limit is not None and 0 < limit < CGROUP_V1_UNLIMITED_BYTES:
                yield limit


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's group and of each group above it, in both versions.

    The mount's own top is always among them: inside a container that is where the limit shows,
    while ``/proc/self/cgroup`` may name a path that only the host can see.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            mounts = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            mounts = [f"sys/fs/cgroup/{controllers}", f"sys/fs/cgroup/{controller}"]
        else:
            continue
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for mount in mounts:
            for depth in range(len(parts), -1, -1):
                yield (root / mount).joinpath(*parts[:depth])


def _slurm_cpus(environ: Mapping[str, str]) -> float | None:
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        count = _number(environ.get(name, ""))
        if count:
            return count
    return None


def _slurm_memory(environ: Mapping[str, str]) -> float | None:
    """Bytes of the Slurm allocation; its variables are in megabytes and 0 means the whole node."""
    whole = _number(environ.get("SLURM_MEM_PER_NODE", ""))
    if whole:
        return whole * 1024**2
    per_cpu = _number(environ.get("SLURM_MEM_PER_CPU", ""))
    count = _number(environ.get("SLURM_CPUS_ON_NODE", "")) or _slurm_cpus(environ)
    if per_cpu and count:
        return per_cpu * count * 1024**2
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _read(path: Path) -> str:
    """Text of a small kernel file; empty when there is none."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
