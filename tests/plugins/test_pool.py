# SPDX-License-Identifier: Apache-2.0
"""Workers that are killed at work, at rest, or while the pool closes."""

import _thread
import contextlib
import logging
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import socket
import tempfile
import threading
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
from launch import is_alive, wait_until
from threadpoolctl import threadpool_info, threadpool_limits

from nipype_mapsmasker.plugins import pool as pool_module
from nipype_mapsmasker.plugins.pool import WorkerLostError, WorkerPool, start_method
from nipype_mapsmasker.plugins.workers import logger_states

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's /proc")


class Job:
    """What a worker takes for a node: something that runs."""

    def __init__(self, deed=None, *arguments):
        self.deed, self.arguments = deed, arguments

    def run(self, updatehash):
        """Do the deed, if any."""
        if self.deed is not None:
            self.deed(*self.arguments)


def refuse(*_):
    """Fail in place of being built anew."""
    msg = "no such thing in this process"
    raise ImportError(msg)


class Unreadable(Job):
    """Can be pickled, and not be read again."""

    def __reduce__(self):
        return refuse, ()


def wait_for(path):
    """Work until a file is there."""
    wait_until(path.exists, "the file is there")


def note_threads(path):
    """Write down how many threads this process has, after a product that could use several."""
    np.ones((400, 400)) @ np.ones((400, 400))
    Path(path).write_text(str(len(list(Path("/proc/self/task").iterdir()))))


def note_loggers(path):
    """Write down what Nipype's loggers are like in this process."""
    Path(path).write_text(str(logger_states()))


@pytest.fixture
def workers(tmp_path):
    pool = WorkerPool(str(tmp_path))
    yield pool
    pool.close()


def outcome(workers, worker):
    """Result of a worker, waited for."""
    while (result := workers.result(worker)) is None:
        workers.wait(60)
    return result


def give(workers, job):
    """Start a job."""
    return workers.start(job, False, 1)


def kill(worker):
    """Kill a worker and wait until the kernel is done with it."""
    worker.process.kill()
    worker.process.join()


def test_workers_are_used_again(workers):
    first = give(workers, Job())
    assert outcome(workers, first) == {"result": None, "traceback": None}
    assert give(workers, Job()) is first


def test_workers_run_in_the_given_folder(workers, tmp_path):
    outcome(workers, give(workers, Job(os.mkdir, "made")))
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize("how", [ValueError, SystemExit])
def test_what_a_node_raises_comes_back_as_text(workers, how):
    result = outcome(workers, give(workers, Job(_raise, how, "as the test wishes")))
    assert "as the test wishes" in "".join(result["traceback"])


def _raise(how, words):
    raise how(words)


def test_a_task_that_cannot_be_pickled_is_refused_at_once(workers):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        give(workers, Job(lambda: None))
    assert outcome(workers, give(workers, Job()))["traceback"] is None


def test_a_task_that_a_worker_cannot_read_is_reported(workers):
    result = outcome(workers, give(workers, Unreadable()))
    assert "no such thing in this process" in "".join(result["traceback"])


def test_a_killed_worker_costs_its_own_task_only(workers, tmp_path):
    victim = give(workers, Job(wait_for, tmp_path / "go"))
    other = give(workers, Job(wait_for, tmp_path / "go"))
    kill(victim)
    with pytest.raises(WorkerLostError, match=r"^killed by SIGKILL$"):
        outcome(workers, victim)
    assert workers.result(other) is None
    (tmp_path / "go").touch()
    assert outcome(workers, other)["traceback"] is None


def test_a_worker_that_leaves_says_how(workers):
    with pytest.raises(WorkerLostError, match=r"^ended with exit status 3$"):
        outcome(workers, give(workers, Job(os._exit, 3)))


def test_a_result_that_was_sent_counts(workers):
    worker = give(workers, Job())
    workers.wait(60)
    kill(worker)
    assert outcome(workers, worker)["traceback"] is None
    assert outcome(workers, give(workers, Job()))["traceback"] is None  # by another one


def test_a_worker_killed_at_rest_is_replaced(workers):
    victim = give(workers, Job())
    outcome(workers, victim)
    kill(victim)
    other = give(workers, Job())
    assert other is not victim
    assert outcome(workers, other)["traceback"] is None


def test_closing_ends_workers_at_work_and_at_rest(workers, tmp_path):
    busy = give(workers, Job(wait_for, tmp_path / "never"))
    idle = give(workers, Job())
    outcome(workers, idle)
    workers.close()
    assert not is_alive(busy.process.pid)
    assert not is_alive(idle.process.pid)
    assert outcome(workers, give(workers, Job()))["traceback"] is None  # it may begin anew


def test_closing_ends_a_worker_that_does_not_answer(workers, monkeypatch):
    worker = give(workers, Job())
    outcome(workers, worker)
    monkeypatch.setattr(pool_module, "END_SECS", 0.1)
    os.kill(worker.process.pid, signal.SIGSTOP)
    workers.close()
    monkeypatch.undo()
    wait_until(lambda: not is_alive(worker.process.pid), "it is gone")


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_a_random_moment_while_the_pool_closes(tmp_path, seed):
    # Python's own pool waits for ever here, sooner or later: the lock of a queue died too.
    moment = random.Random(seed)
    for _ in range(20):
        workers = WorkerPool(str(tmp_path))
        at_work = [give(workers, Job()) for _ in range(2)]
        for worker in at_work:
            outcome(workers, worker)
        victim = moment.choice(at_work).process.pid
        killer = threading.Timer(moment.random() * 0.003, _kill_if_there, [victim])
        killer.start()
        workers.close()
        killer.join()
        assert all(worker.process.exitcode is not None for worker in at_work)


def _kill_if_there(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def other_thread(how):
    """Start a thread that lasts until it is told to end; give the word."""
    end = threading.Event()
    begun = threading.Event()

    def wait():
        begun.set()
        end.wait(60)

    if how == "threading":
        threading.Thread(target=wait, daemon=True).start()
    else:  # as libraries in C start them
        _thread.start_new_thread(wait, ())
    begun.wait(60)
    return end


@pytest.mark.parametrize("how", ["threading", "_thread"])
def test_with_other_threads_workers_come_from_a_fork_server(workers, how):
    assert start_method() == "fork"
    end = other_thread(how)
    try:
        assert start_method() == "forkserver"
        worker = give(workers, Job(os.getpid))
        assert worker.method == "forkserver"
        assert outcome(workers, worker)["traceback"] is None
    finally:
        end.set()
    wait_until(lambda: start_method() == "fork", "the thread has ended")
    kill(worker)
    assert give(workers, Job()).method == "fork"  # threads are looked for at every start


@pytest.mark.parametrize(("n_bytes", "method"), [(75, "forkserver"), (76, "spawn")])
def test_a_fork_server_needs_a_folder_for_its_socket(monkeypatch, n_bytes, method):
    short = Path("/tmp", f"m{os.getpid()}")
    long = short / ("x" * (n_bytes - len(str(short)) - 1))
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    end = other_thread("threading")
    try:
        assert start_method() == method
        with socket.socket(socket.AF_UNIX) as listener:
            too_long = pytest.raises(OSError, match="too long")
            with contextlib.nullcontext() if method == "forkserver" else too_long:
                # As multiprocessing names it.
                listener.bind(tempfile.mkdtemp(prefix="pymp-") + "/listener-12345678")
    finally:
        end.set()
        shutil.rmtree(short)


def test_workers_of_a_fork_server_are_as_silent_as_the_driver(workers, tmp_path):
    log = logging.getLogger("nipype.workflow")
    before = log.level, log.propagate
    log.setLevel(logging.ERROR)
    log.propagate = False
    end = other_thread("threading")
    try:
        worker = give(workers, Job(note_loggers, tmp_path / "noted"))
        assert outcome(workers, worker)["traceback"] is None
        assert worker.method == "forkserver"
        assert (tmp_path / "noted").read_text() == str(logger_states())
    finally:
        end.set()
        log.setLevel(before[0])
        log.propagate = before[1]


def test_a_fork_server_whose_socket_refuses_while_it_dies(tmp_path, monkeypatch):
    # A dying process closes its sockets before it can be waited for, so that multiprocessing
    # takes it for alive; seen on a busy machine, where five attempts at once were too few.
    workers = WorkerPool(str(tmp_path), "forkserver")
    outcome(workers, give(workers, Job()))
    workers.close()
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind(str(tmp_path / "deaf"))  # bound, but nobody listens
    server = forkserver._forkserver
    address = server._forkserver_address
    monkeypatch.setattr(server, "_forkserver_address", str(tmp_path / "deaf"))
    pauses = []

    def pause(secs):
        pauses.append(secs)
        if len(pauses) == 12:
            server._forkserver_address = address

    monkeypatch.setattr(pool_module.time, "sleep", pause)
    try:
        assert outcome(workers, give(workers, Job()))["traceback"] is None
    finally:
        workers.close()
        deaf.close()
    assert pauses == [pool_module.RETRY_SECS] * 12


def test_the_programs_own_start_method_is_kept(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: "spawn")
    assert start_method() == "spawn"


def test_the_usual_start_method_is_no_wish(monkeypatch):
    # Any use of multiprocessing notes it down.
    usual = multiprocessing.get_all_start_methods()[0]
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: usual)
    assert start_method() == "fork"


def test_forked_workers_make_no_threads(tmp_path):
    """Each would wait in a busy loop first, as many as the machine has cores."""

    def threads():
        return [library["num_threads"] for library in threadpool_info()]

    with threadpool_limits(3):
        before = threads()
        pool = WorkerPool(str(tmp_path), "fork")
        for number in range(2):
            noted = tmp_path / str(number)
            worker = pool.start(Job(note_threads, str(noted)), False, 1)
            wait_until(lambda worker=worker: pool.result(worker) is not None, "the task is done")
            assert noted.read_text() == "1"
            os.kill(worker.process.pid, signal.SIGKILL)
            wait_until(lambda worker=worker: not worker.process.is_alive(), "the worker is dead")
        pool.close()
        assert threads() == before
        assert 3 in before
