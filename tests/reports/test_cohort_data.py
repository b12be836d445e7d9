# SPDX-License-Identifier: Apache-2.0
"""Rows of a cohort's page: what of a run's name tells it from the others."""

from nipype_mapsmasker.reports.cohort_data import common_parts, short_name


def test_names_lose_what_all_runs_share_and_stay_different() -> None:
    tail = "_space-MNI152NLin2009cAsym_res-2"
    ids = [f"sub-{n}_ses-{s}_task-rest{tail}" for n in (1, 2) for s in ("pre", "post")]
    common = common_parts(ids)
    assert common == ["res-2", "space-MNI152NLin2009cAsym"]
    assert short_name(ids[1], common) == "sub-1_ses-post_task-rest"
    assert common_parts(ids[:1]) == []
    assert common_parts(["sub-01_task-rest", "sub-02_task-rest"]) == []  # short enough
    assert common_parts(["averylongnameofarun" * 2, "anotherlongnameofarun" * 2]) == []
    # Without the part that both share the second would have no name, or that of another.
    assert common_parts(["a" * 30 + "_b", "b"]) == []
    assert common_parts([f"{x}_{'c' * 30}" for x in ("a", "b")] + ["a_" + "c" * 30 + "_x"]) != []
