# SPDX-License-Identifier: Apache-2.0
"""How far a cohort is, as events."""

from itertools import pairwise
from types import SimpleNamespace

from nipype_mapsmasker.cohort.progress import Progress, element_of
from nipype_mapsmasker.workflows.batching import BATCH_NODE

PARTS = [["a", "b"], ["c", "d"], ["e"]]
"""Runs of three batches."""


def element(step, number):
    return SimpleNamespace(name=f"_{step}{number}", base_dir=f"/w/wf/{step}/mapflow")


def begin(is_done=lambda run_id: True, tell=None):
    progress = Progress(5, is_done, tell)
    progress.begin(PARTS)
    return progress


def run_all(progress, status="end"):
    for number in range(len(PARTS)):
        progress.update(element(BATCH_NODE, number), "start")
        progress.update(element(BATCH_NODE, number), status)


def test_elements_are_told_from_nodes():
    assert element_of(element("clean_a1", 2)) == ("clean_a1", 2)
    assert element_of(SimpleNamespace(name="summarise", base_dir="/w/wf")) is None


def test_an_event_per_batch():
    events = []
    progress = begin(lambda run_id: run_id != "c", events.append)
    progress.update(element("fit_maps", 0), "end")
    run_all(progress)
    assert [event.reached for event in events] == [2, 4, 5]
    assert {(event.total, event.what) for event in events} == {(5, "runs")}
    assert [(event.done, event.failed) for event in events] == [(2, 0), (3, 1), (4, 1)]
    assert all(a.seconds <= b.seconds for a, b in pairwise(events))


def test_a_mapnode_of_linear_is_one_event():
    events = []
    progress = begin(tell=events.append)
    node = SimpleNamespace(name=BATCH_NODE, base_dir="/w/wf", iterfield=["runs"])
    for status in ("start", "end", "end"):
        progress.update(node, status)
    assert [(event.reached, event.done) for event in events] == [(5, 5)]


def test_of_a_batch_that_crashed_what_is_done_counts_and_a_second_attempt_counts_the_rest():
    events = []
    done = {"a", "c", "d", "e"}
    progress = begin(done.__contains__, events.append)
    run_all(progress, "exception")
    assert [event.reached for event in events] == [1, 3, 4]
    progress.begin([["b"]])
    progress.update(element(BATCH_NODE, 0), "end")
    assert [(event.reached, event.failed) for event in events[3:]] == [(5, 1)]
    assert progress.count == 5
