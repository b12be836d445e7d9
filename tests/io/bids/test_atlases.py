# SPDX-License-Identifier: Apache-2.0
"""Atlases by name: which file is meant, its names, and sentences for those that are not there."""

import json

import pytest

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.atlases import find_atlas, maps_space
from nipype_mapsmasker.io.tables.labels import read_labels


def place(folder, name, content=b"x"):
    """Write a file of a name, in its template's folder."""
    path = folder / name.split("_")[0] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def templateflow(tmp_path):
    """Maps as TemplateFlow names them."""
    root = tmp_path / "templateflow"
    for size in ("64", "128"):
        for res in ("02", "03"):
            start = f"tpl-MNI152NLin6Asym_res-{res}_atlas-DiFuMo_desc-{size}dimensions"
            place(root, f"{start}_probseg.nii.gz")
        table = f"tpl-MNI152NLin6Asym_atlas-DiFuMo_desc-{size}dimensions_probseg.tsv"
        place(root, table, b"index\tname\n1\ta\n2\tb\n")
    place(
        root,
        "tpl-MNI152NLin2009cAsym_res-01_atlas-Schaefer2018_desc-100Parcels7Networks_dseg.nii.gz",
    )
    place(
        root,
        "tpl-MNI152NLin2009cAsym_res-01_atlas-Schaefer2018_desc-100Parcels17Networks_dseg.nii.gz",
    )
    place(root, "tpl-MNI152NLin2009cAsym_res-01_atlas-Empty_dseg.nii.gz", b"")
    return root


def test_maps_of_an_atlas_dataset(folder):
    found = find_atlas("Toy", [folder.atlas_dir], space="MNI152NLin2009cAsym")
    assert found.name == "Toy"
    assert found.maps_file == folder.maps_files["MNI152NLin2009cAsym"]
    expected = ["Region 01", "Region 02", "Region 03", "Region 04"]
    assert read_labels(found.labels_file, 4) == expected


def test_names_come_from_the_table_where_there_is_no_label_map(own_folder):
    sidecar = own_folder.maps_files["MNI152NLin6Asym"]
    sidecar.with_name(sidecar.name.replace(".nii.gz", ".json")).unlink()
    found = find_atlas("Toy", [own_folder.atlas_dir], space="MNI152NLin6Asym")
    assert found.labels_file == own_folder.atlas_dir / "atlas-Toy_labels.tsv"


def test_a_folder_of_atlas_datasets(folder):
    found = find_atlas("Toy", [folder.atlas_dir.parent], space="MNI152NLin6Asym")
    assert found.maps_file == folder.maps_files["MNI152NLin6Asym"]


@pytest.mark.parametrize(
    ("res", "expected"), [(None, "res-02"), ("3", "res-03"), ("03", "res-03"), ("7", "res-02")]
)
def test_a_size_and_a_resolution(templateflow, res, expected):
    found = find_atlas("DiFuMo:64", [templateflow], res=res)
    assert found.name == "DiFuMo:64"
    assert expected in found.maps_file.name
    assert "desc-64dimensions" in found.maps_file.name
    assert (
        found.labels_file.name == "tpl-MNI152NLin6Asym_atlas-DiFuMo_desc-64dimensions_probseg.tsv"
    )


def test_a_scale_becomes_part_of_the_name(tmp_path):
    place(tmp_path, "tpl-X_atlas-A_scale-64_probseg.nii.gz")
    place(tmp_path, "tpl-X_atlas-A_scale-64_dseg.nii.gz")
    found = find_atlas("A", [tmp_path])
    assert (found.name, found.maps_file.name) == ("A:64", "tpl-X_atlas-A_scale-64_probseg.nii.gz")
    assert found.labels_file is None


@pytest.mark.parametrize(
    ("choice", "space", "text"),
    [
        ("Nobody", None, r"no atlas 'Nobody' in .*DiFuMo, Empty, Schaefer2018.*TEMPLATEFLOW_HOME"),
        ("DiFuMo:6", None, "has no '6' in .*128dimensions, 64dimensions"),
        ("DiFuMo", None, "may be any of .*--atlas DiFuMo:128dimensions"),
        ("DiFuMo:64", "MNI152NLin2009cAsym", "is in MNI152NLin6Asym, and the images are in MNI1"),
        ("Schaefer2018:100", None, r"may be any of .*:100Parcels17Networks"),
        ("Empty", None, "its content is not there"),
    ],
)
def test_atlases_that_cannot_be_meant(templateflow, choice, space, text):
    with pytest.raises(ParameterError, match=text):
        find_atlas(choice, [templateflow], space=space)


def test_two_templates_need_a_space(folder):
    with pytest.raises(ParameterError, match=r"is in 2 spaces, .*--maps-space"):
        find_atlas("Toy", [folder.atlas_dir])


def test_no_folder_at_all():
    with pytest.raises(ParameterError, match="no atlas 'Toy' in no folder"):
        find_atlas("Toy", [])


@pytest.mark.parametrize(
    ("name", "sidecar", "expected"),
    [
        ("tpl-MNIInfant_cohort-1_atlas-A_probseg.nii.gz", {}, "MNIInfant_cohort-1"),
        ("atlas-A_space-T1w_dseg.nii.gz", {}, "T1w"),
        ("maps.nii.gz", {"SpatialReference": "tpl-MNI152NLin6Asym"}, "MNI152NLin6Asym"),
        ("maps.nii.gz", {"SpatialReference": "MNI152NLin6Asym"}, "MNI152NLin6Asym"),
        ("maps.nii.gz", {"SpatialReference": {"a": "b"}}, None),
        ("maps.nii.gz", {}, None),
    ],
)
def test_the_space_of_maps(tmp_path, name, sidecar, expected):
    path = tmp_path / name
    (tmp_path / name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))
    assert maps_space(path) == expected
