# SPDX-License-Identifier: Apache-2.0
"""Columns chosen by names and metadata."""

import pytest

from nipype_mapsmasker.core.denoise.columns import select_columns
from nipype_mapsmasker.core.denoise.guards import check_chosen
from nipype_mapsmasker.core.denoise.presets import preset
from nipype_mapsmasker.core.denoise.vocabulary import strategy_from
from nipype_mapsmasker.errors import TableError
from tests.confounds_tables import STYLES, table


def compcor(kind, n_compcor="all"):
    words = {"strategy": ["high_pass", "compcor"], "compcor": kind, "n_compcor": n_compcor}
    return strategy_from(words, "mine")


def components(style, kind, n_compcor="all"):
    columns, said = table(style)
    chosen = select_columns(compcor(kind, n_compcor), list(columns), said).columns
    return [name for name in chosen if "comp_cor" in name], said


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("kind", "masks"),
    [("anat_combined", {"combined": 12}), ("anat_separated", {"CSF": 7, "WM": 9})],
)
def test_masks_in_old_and_new_tables(style, kind, masks):
    names, said = components(style, kind)
    found = [said[name]["Mask"] for name in names]
    assert {mask: found.count(mask) for mask in set(found)} == masks


@pytest.mark.parametrize("style", STYLES)
def test_components_are_counted_by_variance_not_by_place(style):
    columns, said = table(style)
    mask = [name for name, facts in said.items() if facts.get("Mask") == "CSF"]
    kept = [name for name in mask if said[name]["Retained"]]
    # The last one comes to explain most.
    said[kept[-1]]["VarianceExplained"] = 0.5
    chosen = select_columns(compcor("anat_separated", 2), list(columns), said).columns
    assert kept[-1] in chosen
    assert len([name for name in chosen if "comp_cor" in name]) == 4


def test_a_share_of_variance():
    names, said = components("25", "anat_combined", 0.3)
    shares = [said[name]["VarianceExplained"] for name in names]
    assert sum(shares) >= 0.3 > sum(shares[:-1])


def test_dropped_components_are_skipped():
    columns, said = table("25")
    said["a_comp_cor_00"]["Retained"] = False
    chosen = select_columns(compcor("anat_combined"), list(columns), said).columns
    assert "a_comp_cor_00" not in chosen
    assert "a_comp_cor_01" in chosen


def test_components_without_metadata_are_refused():
    columns, _ = table("25")
    with pytest.raises(TableError, match=r"the mask 'combined', which the JSON .* tells of none"):
        select_columns(preset("compcor"), list(columns), {})


def test_every_missing_column_is_named():
    columns, said = table("25")
    names = [name for name in columns if name not in ("csf_power2", "rot_x", "trans_z_power2")]
    with pytest.raises(TableError, match="the 2 columns trans_z_power2, rot_x, which"):
        select_columns(preset("simple"), names, said)
    with pytest.raises(TableError, match=r"the column csf_power2, which .* nearest"):
        select_columns(preset("scrubbing"), [*names, "rot_x", "trans_z_power2"], said)


def test_names_patterns_and_regular_expressions():
    columns, said = table("25")
    mine = strategy_from(
        {"columns": ["csf", "a_comp_cor_0[0-2]", "rapidtide*"], "regex": ["^cosine\\d+$"]}, "mine"
    )
    chosen = select_columns(mine, list(columns), said)
    assert chosen.columns == (
        "a_comp_cor_00", "a_comp_cor_01", "a_comp_cor_02",
        "cosine00", "cosine01", "cosine02", "cosine03", "csf",
    )  # fmt: skip
    assert chosen.groups == {"columns": 4, "regex": 4}
    assert chosen.warnings == [
        "No column of the confounds matches 'rapidtide*', so it added none."
    ]


def test_a_short_run_has_no_cosines():
    columns, said = table("25")
    names = [name for name in columns if "cosine" not in name]
    chosen = select_columns(preset("simple"), names, said)
    assert len(chosen.columns) == 26
    assert "no cosines" in chosen.warnings[0]


def test_aroma_components_that_are_not_there():
    columns, said = table("25")
    with pytest.raises(TableError, match=r"'aroma_orth_motion_'.*fMRIPost-AROMA's table"):
        select_columns(preset("aroma"), list(columns), said)


def test_a_whole_table_of_fmriprep_is_refused():
    columns, _ = table("25")
    with pytest.raises(TableError, match=r"x\.tsv is a table of fMRIPrep.*simple, scrubbing"):
        check_chosen("x.tsv", list(columns))
    check_chosen("x.tsv", ["trans_x", "csf"])
