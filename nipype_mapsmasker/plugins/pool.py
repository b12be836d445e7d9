# SPDX-License-Identifier: Apache-2.0
"""Worker processes of the MultiProc plugin, each of which may be killed at any moment.

Python's ``ProcessPoolExecutor`` gives its workers two queues to share. One that is killed breaks
the pool of all; and if it held the lock of a queue while the pool closes, the driver waits for
ever. Here a worker has a pipe of its own and nothing to share, so its death costs its own task;
and no thread is needed in the driver, so that forking it is safe unless the program around it has
threads of its own. Those hold locks that nobody in a forked process would ever let go of, and
OpenBLAS waits in ``fork`` itself while one of them multiplies matrices: with threads, workers come
from a fork server.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from threadpoolctl import ThreadpoolController

from nipype_mapsmasker.interfaces.threads import hold_threads
from nipype_mapsmasker.plugins.workers import logger_states, work

__all__ = ["Worker", "WorkerLostError", "WorkerPool", "start_method"]

END_SECS = 10.0
"""How long the end of a worker is waited for; an idle or killed one needs milliseconds."""

START_SECS = 20.0
"""How long the start of a worker is tried whose fork server is killed meanwhile."""

RETRY_SECS = 0.02
"""Pause between two such attempts."""

LONGEST_TEMPORARY = 107 - len("/pymp-12345678/listener-12345678")
"""Bytes of the name of the folder for temporary files with which a fork server's socket fits."""


class WorkerLostError(Exception):
    """A worker ended before its task did; the message says how.

    Parameters
    ----------
    how : str
        How the process ended.
    hint : str
        What to do about it; empty where that cannot be told from how it ended.
    """

    def __init__(self, how: str, hint: str) -> None:
        super().__init__(how)
        self.hint = hint


@dataclass(eq=False)
class Worker:
    """A process that carries out one task at a time."""

    process: Any  # multiprocessing has a class for each way to start it
    pipe: connection.Connection
    method: str  # how it was started

    def end(self) -> str:
        """Wait for the end of the process, kill it if need be, and say how it ended."""
        self.pipe.close()
        self.process.join(timeout=END_SECS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join(timeout=END_SECS)
        return _describe_end(self.process.exitcode)


class WorkerPool:
    """Processes that carry out tasks, as many as there are tasks at once; started when needed.

    Parameters
    ----------
    cwd : str
        Folder in which the workers run.
    method : {'fork', 'forkserver', 'spawn'}, optional
        How processes are started; by default, what :func:`start_method` says when one is needed.
    """

    def __init__(self, cwd: str, method: str | None = None) -> None:
        self._method = method
        self._cwd = cwd
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._threads = contextlib.ExitStack()  # the driver's, from the first fork on

    def start(self, *task: Any) -> Worker:
        """Give a node, whether its hash alone is to be updated, and its threads to a worker.

        Returns
        -------
        Worker
            Who has the task; to be asked for its :meth:`result`.

        Raises
        ------
        Exception
            Whatever pickling them raises; then no worker was asked.
        """
        message = ForkingPickler.dumps(task)
        while True:
            worker = self._idle.pop() if self._idle else self._new_worker()
            self._busy.append(worker)
            try:
                worker.pipe.send_bytes(message)
            except OSError:  # it was killed while it had nothing to do: nothing is lost
                self._busy.remove(worker)
                worker.end()
            else:
                return worker

    def result(self, worker: Worker) -> dict[str, Any] | None:
        """Return the result of a worker's task, or None while it is at work.

        Raises
        ------
        WorkerLostError
            If the process ended before.
        """
        # First the process, then the pipe: it may end just after it has sent the result.
        is_alive = worker.process.is_alive()
        result = None
        try:
            if worker.pipe.poll():
                result = worker.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            is_alive = False
        if result is not None:
            self._busy.remove(worker)
            self._idle.append(worker)
            return dict(result)
        if not is_alive:
            self._busy.remove(worker)
            how = worker.end()
            raise WorkerLostError(how, _hint(worker))
        return None

    def wait(self, timeout: float) -> None:
        """Wait until a worker may have ended its task, `timeout` seconds at most."""
        ends = [end for worker in self._busy for end in (worker.pipe, worker.process.sentinel)]
        connection.wait(ends, timeout=timeout)

    def close(self) -> None:
        """Send the idle workers home, kill those that are at work, and wait until all are gone."""
        for worker in self._busy:
            worker.process.kill()
        for worker in self._idle:
            with contextlib.suppress(OSError):  # it was killed
                worker.pipe.send_bytes(b"")
        for worker in [*self._busy, *self._idle]:
            worker.end()
        self._busy.clear()
        self._idle.clear()
        self._threads.close()

    @property
    def _context(self) -> Any:
        """What makes processes at this moment: threads may come and go in the driver."""
        return multiprocessing.get_context(self._method or start_method())

    def _new_worker(self) -> Worker:
        context = self._context
        ours, theirs = context.Pipe()
        # With a fork server the parent is the server, which ends with the driver.
        method = context.get_start_method()
        parent = None if method == "forkserver" else os.getpid()
        # A forked worker has the driver's loggers; another one would print Nipype's every line.
        loggers = None if method == "fork" else logger_states()
        if method == "fork":
            # A worker finds itself with one thread, then, and has none to make.
            self._threads.enter_context(hold_threads(ThreadpoolController(), 1))
        deadline = time.monotonic() + START_SECS
        while True:
            process = context.Process(target=work, args=(theirs, self._cwd, parent, loggers))
            try:
                process.start()
                break
            except (EOFError, ConnectionError):
                # The fork server, or the child that it had just made, was killed while it told of
                # the child. Another server is made once the kernel is done with the dead one: its
                # socket refuses callers before it can be waited for, on a busy machine for long.
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECS)
        theirs.close()  # the only other end is the worker's: its death ends the pipe
        return Worker(process, ours, method)


def _hint(worker: Worker) -> str:
    if worker.process.exitcode != 1 or worker.method == "fork":
        return ""
    return (
        f"It was started by {worker.method}, which imports the script that runs the workflow: "
        "put what the script does below \"if __name__ == '__main__':\"."
    )


def start_method() -> str:
    """Choose how worker processes are started, unless the user says so.

    Returns
    -------
    {'fork', 'forkserver', 'spawn'}
        What the program asked for by ``multiprocessing.set_start_method``, if it did. Else, on
        Linux, fork, which takes milliseconds as every import is already made and finds the
        functions of a script that has no main guard; but a fork server while this process has
        other threads than the calling one, or spawn where its socket's name would be too long.
        Elsewhere what is usual there.
    """
    usual = multiprocessing.get_all_start_methods()[0]
    asked = multiprocessing.get_start_method(allow_none=True)
    if asked is not None and asked != usual:  # the usual one is noted down by any use of it
        return asked
    if sys.platform != "linux":
        return usual
    # Every thread that runs Python, also those that Python did not start. The idle ones of
    # numerical libraries are none of these, and end before a fork.
    if len(sys._current_frames()) == 1:
        return "fork"
    fits = len(os.fsencode(tempfile.gettempdir())) <= LONGEST_TEMPORARY
    return "forkserver" if fits else "spawn"


def _describe_end(code: int | None) -> str:
    if code is None:
        return "lost"
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
