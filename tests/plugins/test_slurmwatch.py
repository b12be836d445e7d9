# SPDX-License-Identifier: Apache-2.0
"""What is told of Slurm's queue, and how often."""

import logging

import pytest

from nipype_mapsmasker.plugins.slurmclient import QueuedJob
from nipype_mapsmasker.plugins.slurmwatch import NOTICES, QueueWatch


class Client:
    """Answers as it is told to."""

    complaint = ""
    answer = {}

    def queue(self):
        return self.answer


@pytest.fixture
def told(monkeypatch):
    """Sentences that were told, whatever an earlier program made of Nipype's loggers."""
    sentences = []

    class Keep(logging.Handler):
        def emit(self, record):
            sentences.append(record.getMessage())

    handler = Keep()
    level = NOTICES.level
    NOTICES.addHandler(handler)
    NOTICES.setLevel(logging.WARNING)
    monkeypatch.setattr(NOTICES, "propagate", False)
    yield sentences
    NOTICES.removeHandler(handler)
    NOTICES.setLevel(level)


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("PENDING", "None", None),
        ("PENDING", "Priority", None),
        ("PENDING", "Resources", None),
        ("PENDING", "Dependency", None),
        ("RUNNING", "None", None),
        ("COMPLETING", "None", None),
        ("COMPLETED", "None", None),
        ("CANCELLED", "JobHeldUser", None),  # an end is told by what it left
        ("PENDING", "JobHeldUser", "JobHeldUser; they go on after: scontrol release 7"),
        ("PENDING", "JobHeldAdmin", "JobHeldAdmin; they go on after: scontrol release 7"),
        ("PENDING", "job requeued in held state", "after: scontrol release 7"),
        ("PENDING", "BeginTime", "begin again by themselves"),
        ("PENDING", "ReqNodeNotAvail, UnavailableNodes:a", "this reason: ReqNodeNotAvail"),
        ("PENDING", "QOSMaxJobsPerUserLimit", "this reason: QOSMaxJobsPerUserLimit"),
        ("REQUEUE_HOLD", "None", "as REQUEUE_HOLD; they go on after: scontrol release 7"),
        ("SPECIAL_EXIT", "None", "as SPECIAL_EXIT; they go on after: scontrol release 7"),
        ("SUSPENDED", "None", "as SUSPENDED; they go on after: scontrol resume 7"),
        ("STOPPED", "why", "as STOPPED (why)"),
    ],
)
def test_what_keeps_a_job_is_told_with_the_way_out(told, state, reason, expected):
    client = Client()
    client.answer = {7: QueuedJob(state, reason, "a"), 8: QueuedJob("PENDING", "JobHeldUser", "")}
    assert list(QueueWatch(client).look([7])) == [7]
    assert len(told) == (0 if expected is None else 1)
    if expected is not None:
        assert told[0].startswith("Slurm jobs 7 ")
        assert expected in told[0]


def test_the_same_is_told_once_until_it_passes(told):
    client = Client()
    watch = QueueWatch(client, remind_secs=1e9)
    held = {7: QueuedJob("PENDING", "JobHeldUser", "a")}
    for answer in (held, held, {7: QueuedJob("RUNNING", "None", "a")}, held, held):
        client.answer = answer
        watch.look([7])
    assert len(told) == 2


def test_after_a_while_it_is_told_again(told):
    client = Client()
    client.answer = {7: QueuedJob("PENDING", "JobHeldUser", "a")}
    watch = QueueWatch(client, remind_secs=0)
    for _ in range(3):
        watch.look([7])
    assert len(told) == 3


def test_many_jobs_are_counted(told):
    client = Client()
    client.answer = {n: QueuedJob("PENDING", "JobHeldUser", "a") for n in range(6)}
    QueueWatch(client).look(range(6))
    assert told[0].startswith("6 Slurm jobs wait")
    assert told[0].endswith("scontrol release 0,1,2,3,4,5")


def test_silence_is_told_once_with_what_squeue_says(told):
    client = Client()
    watch = QueueWatch(client, remind_secs=1e9)
    client.answer, client.complaint = None, "Unable to contact slurm controller"
    assert watch.look([7]) is None
    assert watch.look([7]) is None
    assert (watch.n_failures, len(told)) == (2, 1)
    assert "squeue fails (Unable to contact slurm controller)" in told[0]
    client.answer = {}
    assert watch.look([7]) == {}
    assert watch.n_failures == 0
    assert watch.silent_secs() == 0
    assert told[1:] == ["squeue answers again."]


def test_a_number_that_another_job_bears_by_now_is_not_known(told):
    client = Client()
    watch = QueueWatch(client)
    client.answer = {7: QueuedJob("RUNNING", "None", "ours")}
    assert list(watch.look([7])) == [7]
    client.answer = {7: QueuedJob("RUNNING", "None", "somebody's")}
    assert watch.look([7]) == {}
