# SPDX-License-Identifier: Apache-2.0
"""How far a cohort is, as events."""

from itertools import pairwise
from types import SimpleNamespace

from nipype_mapsmasker.cohort.progress import Progress, element_of


def element(step, number):
    return SimpleNamespace(name=f"_{step}{number}", base_dir=f"/w/wf/{step}/mapflow")


def run_all(progress, n_runs=3, steps=("extract", "clean_a1", "store")):
    for step in steps:
        for number in range(n_runs):
            progress.update(element(step, number), "start")
            progress.update(element(step, number), "end")


def test_elements_are_told_from_nodes():
    assert element_of(element("clean_a1", 2)) == ("clean_a1", 2)
    assert element_of(SimpleNamespace(name="summarise", base_dir="/w/wf")) is None


def test_an_event_per_step_of_a_run():
    events = []
    run_all(Progress(3, 3, lambda number: number != 1, events.append))
    assert [event.steps_done for event in events] == list(range(1, 10))
    assert {(event.total, event.steps_total) for event in events} == {(3, 9)}
    assert [event.reached for event in events] == [1, 2, 3] * 3
    assert [(event.done, event.failed) for event in events[5:]] == [(0, 0), (1, 0), (1, 1), (2, 1)]
    assert events[-1].step == "store"
    assert all(a.seconds <= b.seconds for a, b in pairwise(events))


def test_a_mapnode_of_linear_is_one_event():
    events = []
    progress = Progress(3, 2, lambda number: True, events.append)
    node = SimpleNamespace(name="store", base_dir="/w/wf", iterfield=["run_id"])
    for status in ("start", "end", "end"):
        progress.update(node, status)
    assert [(event.reached, event.done) for event in events] == [(3, 3)]


def test_a_second_attempt_counts_no_step_twice():
    progress = Progress(3, 3, lambda number: True)
    run_all(progress)
    run_all(progress)
    assert progress.count == 9
