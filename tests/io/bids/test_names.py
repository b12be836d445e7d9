# SPDX-License-Identifier: Apache-2.0
"""Names of BIDS files: taken apart and put together."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nipype_mapsmasker.io.bids.names import (
    ENTITIES,
    BidsName,
    format_entities,
    parse_entities,
    parse_name,
)

LABELS = st.text(string.ascii_letters + string.digits + "+", min_size=1, max_size=12)


@st.composite
def bids_names(draw):
    """Names with any of BIDS's entities in their order."""
    keys = draw(st.lists(st.sampled_from(ENTITIES[1:]), unique=True, max_size=8))
    ordered = sorted(keys, key=ENTITIES.index)
    entities = {"sub": draw(LABELS), **{key: draw(LABELS) for key in ordered}}
    suffix = draw(st.text(string.ascii_letters, min_size=1, max_size=8))
    return BidsName(entities, suffix, draw(st.sampled_from([".nii.gz", ".json", ".dtseries.nii"])))


@settings(max_examples=1000)
@given(bids_names())
def test_a_name_survives_parsing_and_formatting(name):
    text = str(name)
    assert parse_name(text) == name
    assert str(parse_name(text)) == text


def test_labels_and_unknown_entities_stay_as_they_are():
    text = "sub-01_task-rest_run-01_feature-x_space-T1w_from-a_to-b_desc-simple+gsr_bold.nii.gz"
    parsed = parse_name(text)
    assert parsed.entities["run"] == "01"
    assert parsed.entities["feature"] == "x"
    assert str(parsed) == text


def test_entities_are_put_in_order():
    given = {"res": "2", "desc": "raw", "atlas": "Toy", "cohort": "1", "space": "MNIInfant",
             "task": "rest", "sub": "01", "scale": "64", "den": "91k", "seg": "x"}  # fmt: skip
    assert format_entities(given) == (
        "sub-01_task-rest_space-MNIInfant_cohort-1_atlas-Toy_seg-x_scale-64_res-2_den-91k_desc-raw"
    )


@pytest.mark.parametrize(
    "text", ["README.md", "sub-01", "sub-01_sub-02_bold.nii", "sub-_bold.nii", "x_bold.nii"]
)
def test_other_names_are_none(text):
    assert parse_name(text) is None


def test_the_order_is_that_of_the_specification():
    """But for ``cohort``, which fMRIPrep writes after ``space``, and the draft's ``stat``."""
    import json
    from importlib.resources import files

    schema = json.loads((files("bidsschematools") / "data" / "schema.json").read_text())
    short = {key: entity["name"] for key, entity in schema["objects"]["entities"].items()}
    official = [short[key] for key in schema["rules"]["entities"]]
    ours = [entity for entity in ENTITIES if entity not in ("cohort", "stat")]
    assert ours == [entity for entity in official if entity != "cohort"]


def test_entities_alone():
    assert parse_entities("sub-01_task-rest") == {"sub": "01", "task": "rest"}
    assert parse_entities("sub-01_bold") is None
