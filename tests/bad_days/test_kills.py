# SPDX-License-Identifier: Apache-2.0
"""Drivers and workers killed at random moments: nothing lost, nothing wrong, no hang."""

import contextlib
import os
import random
import signal
import subprocess
import time

import pytest

from tests.bad_days.conftest import PATIENCE_SECS, count, is_alive, statuses, wait_for, workers_of

pytestmark = pytest.mark.slow

N_KILLS = 20
"""Kills of each kind."""


def duration(cohort, out):
    """Measure an undisturbed call."""
    start = time.monotonic()
    assert cohort.finish(out) == 0
    return time.monotonic() - start


def test_drivers_killed_at_random_moments(cohort, tmp_path):
    """Each call is killed and followed by another one, until one comes through; then compared."""
    rng = random.Random(7)
    whole = duration(cohort, tmp_path / "measured")
    n_kills = n_comparisons = 0
    while n_kills < N_KILLS:
        out = tmp_path / f"out{n_comparisons}"
        for _ in range(rng.randint(1, 4)):
            driver = cohort.call(out)
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.wait(rng.uniform(0.2, 1.0) * whole)
            workers = workers_of(driver.pid)
            if driver.poll() is None:
                driver.send_signal(signal.SIGKILL)
                driver.wait()
                n_kills += 1
                count("faults")
            wait_for(lambda workers=workers: not any(map(is_alive, workers)), 10)
        assert cohort.finish(out) == 0
        assert set(statuses(out).values()) == {"done"}
        cohort.check(out)
        n_comparisons += 1


def test_workers_killed_at_random_moments(cohort, tmp_path):
    """Each call loses one worker, and still comes through alone."""
    rng = random.Random(11)
    n_kills = 0
    for number in range(4 * N_KILLS):  # a call may end before its kill
        out = tmp_path / f"out{number}"
        driver = cohort.call(out)
        wait_for(lambda driver=driver: workers_of(driver.pid) or driver.poll() is not None)
        time.sleep(rng.uniform(0.0, 0.7))
        workers = workers_of(driver.pid)
        if workers and driver.poll() is None:
            os.kill(rng.choice(workers), signal.SIGKILL)
            n_kills += 1
            count("faults")
        assert driver.wait(PATIENCE_SECS) == 0
        cohort.check(out)
        if n_kills == N_KILLS:
            break
    assert n_kills == N_KILLS
