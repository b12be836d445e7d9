# SPDX-License-Identifier: Apache-2.0
"""What makes a result folder a BIDS dataset."""

import json
from email.message import Message

import pytest

from nipype_mapsmasker.io.results import provenance
from nipype_mapsmasker.io.results.dataset import (
    BIDS_VERSION,
    bids_uri,
    describe_atlas,
    image_fields,
    link_of,
    name_fields,
    write_dataset_files,
)


@pytest.fixture
def image(tmp_path):
    """An image in a dataset, with a sidecar and one that it inherits."""
    root = tmp_path / "my fmri-prep"
    func = root / "sub-01" / "func"
    func.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "DatasetDOI": "doi:1"}')
    (root / "task-rest_bold.json").write_text('{"TaskName": "rest", "EchoTime": 1}')
    path = func / "sub-01_task-rest_space-X_res-2_bold.nii.gz"
    path.write_bytes(b"")
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text('{"Resolution": "2 mm"}')
    return path


def resolve(uri, out_dir, links):
    """Find the file that a BIDS URI means."""
    scheme, name, path = uri.split(":", 2)
    assert scheme == "bids"
    return out_dir / (links[name] if name else "") / path


def test_sources_resolve_by_the_links(image, tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    plain = tmp_path / "data" / "img.nii"
    plain.parent.mkdir()
    plain.write_bytes(b"")
    mine = out / "runs.tsv"
    mine.write_text("")
    write_dataset_files(out, {}, [image, plain])
    links = json.loads((out / "dataset_description.json").read_text())["DatasetLinks"]
    uris = [bids_uri(path, out) for path in (image, plain, mine)]
    assert uris[0] == f"bids:myfmriprep:sub-01/func/{image.name}"
    assert uris[2] == "bids::runs.tsv"
    for uri, path in zip(uris, (image, plain, mine), strict=True):
        assert resolve(uri, out, links).resolve() == path.resolve()


def test_folders_of_one_name_that_are_no_datasets_are_told_apart(tmp_path):
    names = {link_of(tmp_path / part / "data" / "img.nii")[0] for part in "ab"}
    assert len(names) == 2


def test_the_description_says_what_bids_asks_for(image, tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    versions = {"nipype-mapsmasker": "9.9"}
    write_dataset_files(out, {"versions": versions, "command": "mapsmasker x"}, [image])
    about = json.loads((out / "dataset_description.json").read_text())
    assert about["BIDSVersion"] == BIDS_VERSION == "1.11.1"
    assert about["DatasetType"] == "derivative"
    (maker,) = about["GeneratedBy"]
    assert (maker["Name"], maker["Version"]) == ("nipype-mapsmasker", "9.9")
    assert maker["CodeURL"].startswith("https://")
    assert about["SourceDatasets"] == [
        {"URL": f"file://{tmp_path / 'my fmri-prep'}", "DOI": "doi:1"}
    ]
    assert (out / "README.md").stat().st_size > 150


def test_what_others_wrote_stays(image, tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    (out / "README.md").write_text("mine")
    (out / ".bidsignore").write_text("mine.txt\n")
    write_dataset_files(out, {}, [image], ["img"])
    write_dataset_files(out, {}, [tmp_path / "other" / "x.nii"])
    assert (out / "README.md").read_text() == "mine"
    lines = (out / ".bidsignore").read_text().splitlines()
    assert lines[0] == "mine.txt"
    assert lines[-1] == "img"
    assert len(set(lines)) == len(lines)
    about = json.loads((out / "dataset_description.json").read_text())
    assert len(about["DatasetLinks"]) == len(about["SourceDatasets"]) == 2


def test_fields_that_a_name_asks_for(image):
    source = image_fields(image)
    assert source == {"TaskName": "rest", "Resolution": "2 mm"}
    assert name_fields(image, source, "w") == {
        "Description": "w", "SpatialReference": "X", "Resolution": "2 mm",
    }  # fmt: skip
    assert name_fields(image, {}, "w")["Resolution"] == (
        "As in the images that it is made of (res-2)."
    )
    assert name_fields(image.with_name("img_bold.nii"), source, "w") == {"Description": "w"}


def test_a_broken_sidecar_tells_nothing(image):
    image.with_name(image.name.replace(".nii.gz", ".json")).write_text("{")
    assert image_fields(image) == {}


def test_an_atlas_describes_itself(tmp_path):
    atlas, out = tmp_path / "atlas", tmp_path / "out"
    (atlas / "tpl-X").mkdir(parents=True)
    out.mkdir()
    (atlas / "dataset_description.json").write_text("{}")
    (atlas / "atlas-A_description.json").write_text('{"Name": "An atlas", "License": "CC0"}')
    maps = atlas / "tpl-X" / "tpl-X_atlas-A_probseg.nii.gz"
    about = json.loads(describe_atlas(maps, "A", out, ["a", "b"]).read_text())
    assert about == {
        "Name": "An atlas",
        "License": "CC0",
        "Sources": ["bids:atlas:tpl-X/tpl-X_atlas-A_probseg.nii.gz"],
        "LabelMap": ["a", "b"],
    }
    describe_atlas(None, "B:64", out, ["c"])
    about = json.loads(describe_atlas(None, "B:128", out, ["d"]).read_text())
    assert about == {"Name": "B", "LabelMap": {"64": ["c"], "128": ["d"]}}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (["Documentation, https://d", "Source, https://code.org/x"], "https://code.org/x"),
        (["Homepage, https://h", "Repository, https://r"], "https://r"),
        (None, "https://pypi.org/project/nipype-mapsmasker/"),
    ],
)
def test_where_the_code_is_stands_in_the_projects_urls(monkeypatch, declared, expected):
    told = Message()
    for entry in declared or ():
        told["Project-URL"] = entry
    monkeypatch.setattr(provenance, "metadata", lambda _: told)
    assert provenance.code_url() == expected
