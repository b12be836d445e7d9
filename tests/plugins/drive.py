# SPDX-License-Identifier: Apache-2.0
"""Run a small workflow under a plugin and print how it ended; started by tests as a process.

A process of its own, because the tests wait for hangs and kill drivers. The one argument is
a JSON object; its keys are those of `DEFAULTS`.
"""

import contextlib
import importlib
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
from pathlib import Path

import numpy as np

DEFAULTS = {
    "plugin": "nipype_mapsmasker.plugins.multiproc.MultiProcPlugin",
    "plugin_args": {},
    "base_dir": "",
    "folder": "",
    "values": [0, 10, 20, 30],
    "deeds": {},  # value -> what the first MapNode does with it
    "mapnodes": ["first", "second"],
    "mem_gb": None,
    "n_procs": None,
    "config": {},
    "updatehash": False,
    "callback": None,  # "list" collects the states, in a closure that no pickle can hold
    "kill_seed": None,  # kill a worker at a random moment
    "run_here": False,
    "blas_threads": 0,  # threads of the driver that multiply matrices all the time
    "start_method": None,  # what the program asks of multiprocessing
}
"""What a test may set."""


def main(wish):
    """Build the chain of MapNodes, run it, and return what is to be printed."""
    from nipype import config, logging

    config.set("execution", "create_report", "false")
    crashes = Path(wish["folder"], "crashes")  # not base_dir: settings cannot hold a % sign
    config.set("execution", "crashdump_dir", str(crashes))
    config.set("execution", "crashfile_format", "txt")
    for name, value in wish["config"].items():
        config.set("execution", name, str(value))
    config.set("logging", "workflow_level", "WARNING")
    config.set("logging", "interface_level", "WARNING")
    logging.update_logging(config)
    if wish["start_method"]:
        multiprocessing.set_start_method(wish["start_method"])
    for _ in range(wish["blas_threads"]):
        threading.Thread(target=multiply, daemon=True).start()
    workflow, last = build(wish)
    states = []
    plugin_args = dict(wish["plugin_args"])
    if wish["callback"] == "list":
        plugin_args["status_callback"] = lambda node, state: states.append([node.name, state])
    if wish["kill_seed"] is not None:
        plugin_args["status_callback"] = Killer(wish["kill_seed"])
    module, _, name = wish["plugin"].rpartition(".")
    before = config.get("execution", "poll_sleep_duration")
    plugin = getattr(importlib.import_module(module), name)(plugin_args=plugin_args)
    error = cause = None
    try:
        graph = workflow.run(plugin=plugin, updatehash=wish["updatehash"])
    except Exception as exc:
        error, cause = f"{type(exc).__name__}: {exc}", str(exc.__cause__ or "")
    else:
        last = next(node for node in graph.nodes() if node.name == last.name)
    return {
        "error": error,
        "cause": cause,
        "values": None if error else last.result.outputs.value,
        "notes": None if error else last.result.outputs.note,
        "crashes": [path.read_text() for path in sorted(crashes.glob("*"))],
        "states": states,
        "poll_unchanged": before == config.get("execution", "poll_sleep_duration"),
    }


def build(wish):
    """Chain MapNodes of the test interface; the deeds belong to the first of them."""
    import nipype.pipeline.engine as pe
    from nodes import Misbehave

    workflow = pe.Workflow("wf", base_dir=wish["base_dir"])
    node = None
    for name in wish["mapnodes"]:
        before = node
        node = pe.MapNode(Misbehave(folder=wish["folder"]), iterfield="value", name=name)
        for key in ("mem_gb", "n_procs"):
            if wish[key] is not None:
                setattr(node, f"_{key}", wish[key])
        node.run_without_submitting = wish["run_here"]
        if before is None:
            node.inputs.value = wish["values"]
            if wish["deeds"]:
                node.inputs.deeds = {int(key): deed for key, deed in wish["deeds"].items()}
            workflow.add_nodes([node])
        else:
            workflow.connect(before, "value", node, "value")
    return workflow, node


def multiply():
    """Keep the numerical library at work, as the host program of a workflow may."""
    matrix = np.ones((400, 400))
    while True:
        matrix @ matrix


class Killer:
    """Kill a random worker a moment after a random start of a job."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.starts_left = self.random.randrange(1, 9)

    def __call__(self, node, state):
        """Count the starts; Nipype calls this in the driver."""
        if state == "start":
            self.starts_left -= 1
            if self.starts_left == 0:
                threading.Timer(self.random.random() * 0.03, self.kill).start()

    def kill(self):
        """Kill one of the driver's children."""
        # Threads and workers may end between the look and the kill: then there is none to kill.
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{os.getpid()}/task")
            children = " ".join(path.read_text() for path in folder.glob("*/children")).split()
            if children:
                os.kill(int(self.random.choice(children)), signal.SIGKILL)


if __name__ == "__main__":
    outcome = main({**DEFAULTS, **json.loads(sys.argv[1])})
    sys.stdout.write("\n" + json.dumps(outcome, default=str) + "\n")
    sys.stdout.flush()
    if outcome["error"] is None:
        os._exit(0)  # threads that multiply may hold up the end of the interpreter
