# SPDX-License-Identifier: Apache-2.0
"""Python's collector while a cohort is planned and run."""

import gc

import pytest

from nipype_mapsmasker.cohort import plan, run_cohort
from nipype_mapsmasker.cohort.collecting import NEW_OBJECTS, seldom_collected
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.images.reader import read_info


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [(700, NEW_OBJECTS), (0, 0), (2 * NEW_OBJECTS, 2 * NEW_OBJECTS)],
    ids=["as usual", "off", "still more seldom"],
)
def test_cycles_are_looked_for_more_seldom_and_afterwards_as_before(before, meanwhile):
    gc.set_threshold(before, 10, 10)
    with seldom_collected():
        assert gc.get_threshold() == (meanwhile, 10, 10)
    assert gc.get_threshold() == (before, 10, 10)


def test_plans_are_made_so_and_images_worked_on_as_usual(ask, tmp_path, monkeypatch):
    gc.set_threshold(701, 11, 12)
    seen = {"plan": set(), "work": set()}
    monkeypatch.setattr(
        plan, "read_info", lambda path: seen["plan"].add(gc.get_threshold()) or read_info(path)
    )
    run_cohort(ask(), progress=lambda _: seen["work"].add(gc.get_threshold()))
    assert seen == {"plan": {(NEW_OBJECTS, 11, 12)}, "work": {(701, 11, 12)}}
    assert gc.get_threshold() == (701, 11, 12)
    with pytest.raises(DataFault):
        run_cohort(ask(maps=[tmp_path / "absent.nii"]))
    assert gc.get_threshold() == (701, 11, 12)
