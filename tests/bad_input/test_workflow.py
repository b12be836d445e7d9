# SPDX-License-Identifier: Apache-2.0
"""Bad input, met by the workflow of a cohort."""

import json
import re
from pathlib import Path

import pytest

from nipype_mapsmasker.workflows import init_cohort_wf
from tests.tiny import results_of, set_inputs

from .faults import BAD, RUN_FAULTS
from .shared_faults import COHORT_FAULTS, maps_missing


def run_spoilt(cohort, fault, tmp_path, on_error):
    """Spoil a cohort and run its workflow; return the results by field."""
    spoilt = fault(cohort)
    workflow = init_cohort_wf(reports=False, on_error=on_error)
    set_inputs(
        workflow,
        cohort,
        in_files=spoilt.get("in_file", cohort.in_files),
        confounds_files=spoilt.get("confounds", cohort.confounds_files),
        sample_mask_files=spoilt.get("sample_mask", cohort.sample_mask_files),
        maps_img=spoilt.get("maps", cohort.maps_file),
        labels_files=[spoilt.get("labels")],
        mask_img=spoilt.get("mask"),
    )
    workflow.base_dir = str(tmp_path / "work")
    workflow.config["execution"]["crashdump_dir"] = str(tmp_path / "crashes")
    graph = workflow.run()
    return results_of(workflow, {node.name: node for node in graph.nodes()})


def reasons_of(results):
    return [
        None if path is None else json.loads(Path(path).read_text())["reason"]
        for path in results["fault_files"]
    ]


def assert_one_sentence(reason, match):
    assert re.search(match, reason), reason
    assert "\n" not in reason
    assert reason.endswith("."), reason


@pytest.mark.parametrize("fault", RUN_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_one_run_is_recorded(cohort, tmp_path, fault):
    reasons = reasons_of(run_spoilt(cohort, fault, tmp_path, "record"))
    assert_one_sentence(reasons.pop(BAD), RUN_FAULTS[fault])
    assert reasons == [None, None]


@pytest.mark.parametrize("fault", RUN_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_one_run_stops_all_by_default(cohort, tmp_path, fault):
    with pytest.raises(RuntimeError, match=RUN_FAULTS[fault]):
        run_spoilt(cohort, fault, tmp_path, "raise")


@pytest.mark.parametrize("fault", COHORT_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_what_is_shared(cohort, tmp_path, fault):
    """Recorded for every run, all but a path that Nipype itself looks for at once."""
    if fault is maps_missing:
        with pytest.raises(Exception, match=COHORT_FAULTS[fault]):
            run_spoilt(cohort, fault, tmp_path, "record")
        return
    for reason in reasons_of(run_spoilt(cohort, fault, tmp_path, "record")):
        assert_one_sentence(reason, COHORT_FAULTS[fault])
