# SPDX-License-Identifier: Apache-2.0
"""Runs are looked at in turn, or several at a time where files answer slowly: the plan is one."""

import pytest

from nipype_mapsmasker.cohort import RunSpec, plan, plan_cohort


@pytest.mark.parametrize("waiting", [-1.0, 2.0], ids=["together", "in turn"])
@pytest.mark.parametrize("n_runs", [1, 2, 3, 8])
def test_every_run_is_planned_in_its_place(tiny, ask, monkeypatch, waiting, n_runs):
    monkeypatch.setattr(plan, "WAITING", waiting)
    monkeypatch.setattr(plan, "RUNS_AT_A_TIME", 2)
    files = [tiny.in_files[0], "/nowhere/bold.nii.gz"]
    runs = [RunSpec(run_id=f"run{n}", in_file=files[n % 3 == 1]) for n in range(n_runs)]
    planned = plan_cohort(ask(input=runs)).runs
    assert [one.run.run_id for one in planned] == [f"run{n}" for n in range(n_runs)]
    wanted = ["fault" if n % 3 == 1 else "todo" for n in range(n_runs)]
    assert [one.state for one in planned] == wanted
