# SPDX-License-Identifier: Apache-2.0
"""The dataset that comes out of a folder of derivatives: what validators and others say of it."""

import json
import shutil
from fnmatch import fnmatchcase

import pytest

from nipype_mapsmasker.io.results.dataset import write_dataset_files
from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.testing import FMRIPREP_RUNS, make_fmriprep_folder
from tests.bids_schema import description_faults, validate, write_draft_schema
from tests.cli.test_folder import ENDING, ONE_COLUMN, SPACE, words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of two subjects; tests only read it."""
    return make_fmriprep_folder(tmp_path_factory.mktemp("fmriprep"), FMRIPREP_RUNS[:3])


@pytest.fixture
def own_folder(tmp_path):
    """One that the test may change."""
    return make_fmriprep_folder(tmp_path / "own", FMRIPREP_RUNS[:3])


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The validator's schema with the names of the drafts."""
    return write_draft_schema(tmp_path_factory.mktemp("schema") / "schema.json")


def with_drafts(out, copy):
    """Copy a result folder, and let the validator see what the drafts name."""
    shutil.copytree(out, copy, ignore=shutil.ignore_patterns("work"))
    ignore = copy / ".bidsignore"
    lines = ignore.read_text().splitlines()
    kept = [line for line in lines if "timeseries" not in line and "relmat" not in line]
    ignore.write_text("\n".join(kept) + "\n")
    return copy


def visible(copy):
    """List the files that the validator should look at."""
    lines = (copy / ".bidsignore").read_text().splitlines()
    names = [path.relative_to(copy) for path in copy.rglob("*") if path.is_file()]
    return [
        name
        for name in names
        if name.parts[0] != "logs"
        and not any(part.startswith(".") for part in name.parts)
        and not any(fnmatchcase(part, line) for part in name.parts for line in lines)
    ]


@pytest.fixture
def results(folder, tmp_path, call):
    """Results of one subject, a rebuilt image among them."""
    out = tmp_path / "out"
    given = ("--participant-label", "01", "--inverse-transform", "--detrend")
    assert call(*words(folder, out, *given)).code == 0
    return out


def test_the_result_folder_is_a_bids_dataset(results, schema, tmp_path):
    plain = validate(results)
    assert plain.errors == description_faults(results) == []
    assert [text.split()[0] for text in plain.warnings] == ["TOO_FEW_AUTHORS"]
    drafts = validate(with_drafts(results, tmp_path / "copy"), schema)
    assert drafts.errors == []
    assert [text.split()[0] for text in drafts.warnings] == ["TOO_FEW_AUTHORS"]
    # The validator counts .bidsignore at one time and not at another.
    assert drafts.n_files - len(visible(tmp_path / "copy")) in (0, 1)


def _drop_field(copy, name):
    sidecar = next(copy.rglob("*_desc-raw_timeseries.json"))
    fields = json.loads(sidecar.read_text())
    del fields[name]
    sidecar.write_text(json.dumps(fields))


def _rename(copy, old, new):
    for path in list(copy.rglob("*_desc-raw_timeseries.*")):
        path.rename(path.with_name(path.name.replace(old, new)))


def _describe(copy, change):
    path = copy / "dataset_description.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


CONTROLS = {
    "wrong order": lambda copy: _rename(copy, "_atlas-Toy_res-2", "_res-2_atlas-Toy"),
    "no Resolution": lambda copy: _drop_field(copy, "Resolution"),
    "no SamplingFrequency": lambda copy: _drop_field(copy, "SamplingFrequency"),
    "unknown entity": lambda copy: _rename(copy, "_atlas-Toy", "_atlas-Toy_spice-x"),
    "no task": lambda copy: _rename(copy, "_task-rest", ""),
    "a stray file": lambda copy: (copy / "sub-01" / "stray.txt").write_text("x"),
}

DESCRIPTION_CONTROLS = {
    "missing Name": lambda fields: fields.pop("Name"),
    "missing BIDSVersion": lambda fields: fields.pop("BIDSVersion"),
    "missing GeneratedBy": lambda fields: fields.pop("GeneratedBy"),
    "nobody in GeneratedBy": lambda fields: fields.update(GeneratedBy=[]),
    "a program without a name": lambda fields: fields["GeneratedBy"][0].pop("Name"),
    "a link that is no text": lambda fields: fields["DatasetLinks"].update(x=1),
    "not derivative": lambda fields: fields.update(DatasetType="raw"),
}
"""Faults of the description, of which the validator says nothing."""


@pytest.mark.parametrize("name", CONTROLS)
def test_the_validator_would_see_a_fault(results, schema, tmp_path, name):
    copy = with_drafts(results, tmp_path / "copy")
    CONTROLS[name](copy)
    assert validate(copy, schema).errors


@pytest.mark.parametrize("name", DESCRIPTION_CONTROLS)
def test_the_description_is_judged_too(tmp_path, name):
    write_dataset_files(tmp_path, {"versions": {"nipype-mapsmasker": "1"}}, [])
    assert description_faults(tmp_path) == []
    _describe(tmp_path, DESCRIPTION_CONTROLS[name])
    assert description_faults(tmp_path)


def test_every_source_resolves(results):
    links = json.loads((results / "dataset_description.json").read_text())["DatasetLinks"]
    uris = [
        uri
        for path in results.rglob("*.json")
        if ".mapsmasker" not in path.parts
        for uri in json.loads(path.read_text()).get("Sources", [])
    ]
    assert len(uris) > 10
    for uri in uris:
        _, name, path = uri.split(":", 2)
        assert (results / (links[name] if name else "") / path).is_file(), uri


def test_others_find_one_file_for_each_run(results):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bids import BIDSLayout
        from nilearn.interfaces.bids import get_bids_files

        layout = BIDSLayout(results, validate=False, config=["bids", "derivatives"])
        asked = {"suffix": "timeseries", "extension": ".tsv", "atlas": "Toy", "desc": "raw"}
        assert len(layout.get(**asked)) == 2
        filters = [("atlas", "Toy"), ("desc", "raw")]
        found = get_bids_files(
            str(results), file_tag="timeseries", file_type="tsv", filters=filters
        )
    assert len(found) == 2


def test_nothing_private_has_the_name_of_a_result(results):
    endings = tuple(
        f"{kind}.{suffix}"
        for kind in ("timeseries", "relmat", "bold", "boldref", "outliers", "report")
        for suffix in ("tsv", "json", "nii.gz", "html", "npy", "parquet")
    )
    private = [path for path in private_folder(results).rglob("*") if path.is_file()]
    assert private
    assert not [path for path in private if path.name.endswith(endings)]


def test_a_run_without_a_bids_name_does_not_spoil_the_dataset(folder, tmp_path, call):
    image = tmp_path / "data" / "img.nii.gz"
    image.parent.mkdir()
    run = folder.root / "sub-01" / "ses-pre" / "func" / f"sub-01_ses-pre_task-rest{ENDING}"
    shutil.copy(f"{run}_desc-preproc_bold.nii.gz", image)
    out = tmp_path / "out"
    maps = folder.maps_files[SPACE]
    assert call("run", image, out, "--maps", maps).code == 0
    assert call(*words(folder, out, "--participant-label", "01")).code == 0
    assert (out / "img" / "img_atlas-Toy_timeseries.tsv").is_file()
    assert validate(out).errors == []


def test_an_atlas_whose_scale_is_found_with_it(own_folder, tmp_path, call):
    home = own_folder.root / "sourcedata" / "atlases" / "toy" / f"tpl-{SPACE}"
    home.mkdir(parents=True)
    maps = home / f"tpl-{SPACE}_atlas-Toy_scale-4_res-2_probseg.nii.gz"
    shutil.copy(own_folder.maps_files[SPACE], maps)
    given = ("run", own_folder.root, tmp_path / "out", "--space", SPACE)
    given = (*given, *ONE_COLUMN, "--atlas", "Toy")
    assert call(*given).code == 0
    names = run_files(tmp_path / "out", f"sub-01_ses-pre_task-rest{ENDING}")
    assert "_atlas-Toy_scale-4_res-2_timeseries.tsv" in names.timeseries("Toy:4").name
    assert names.timeseries("Toy:4").is_file()
    assert (tmp_path / "out" / "atlas-Toy_scale-4_maps.tsv").is_file()
    assert validate(tmp_path / "out").errors == []
