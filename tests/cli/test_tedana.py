# SPDX-License-Identifier: Apache-2.0
"""tedana's components through the command: from its folder, and named by hand."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.testing import make_fmriprep_folder
from nipype_mapsmasker.testing.folders import FmriprepRun

STEM = "sub-01_task-rest"
N_VOLUMES = 40
CLASSES = ("accepted", "rejected", "rejected", "accepted", "ignored")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of fMRIPrep and one of tedana, with its image in native space and two tables."""
    home = tmp_path_factory.mktemp("home")
    run = FmriprepRun(source=STEM, spaces=("",), n_echoes=2)
    made = make_fmriprep_folder(home, [run], n_volumes=N_VOLUMES)
    func = home / "tedana" / "sub-01" / "func"
    func.mkdir(parents=True)
    source = next(made.root.rglob(f"{STEM}_echo-1_desc-preproc_bold.nii.gz"))
    shutil.copy(source, func / f"{STEM}_desc-optcom_bold.nii.gz")
    sidecar = source.with_name(source.name.replace(".nii.gz", ".json"))
    if sidecar.is_file():
        shutil.copy(sidecar, func / f"{STEM}_desc-optcom_bold.json")
    rng = np.random.default_rng(0)
    names = [f"ICA_{number:02d}" for number in range(len(CLASSES))]
    mixing = pd.DataFrame(rng.normal(size=(N_VOLUMES, len(names))), columns=names)
    mixing.to_csv(func / f"{STEM}_desc-ICA_mixing.tsv", sep="\t", index=False)
    rows = [
        {"Component": name, "classification": kind}
        for name, kind in zip(names, CLASSES, strict=True)
    ]
    write_rows(func / f"{STEM}_desc-tedana_metrics.tsv", rows, ["Component", "classification"])
    chosen = [
        {"name": "tedana", "strategy": ["tedana"]},
        {"name": "both", "strategy": ["tedana", "motion"], "motion": "basic"},
    ]
    (home / "strategies.json").write_text(json.dumps(chosen))
    maps = shutil.copy(next(iter(made.maps_files.values())), home / "maps.nii.gz")
    return home, func, maps


def call(home, out, given, *more):
    words = ["run", given, out, "--maps", home[2], "--denoise", home[0] / "strategies.json"]
    words += ["--plugin", "Linear", "-q", *more]
    return main([str(word) for word in words])


def regressed(out):
    names = run_files(out, f"{STEM}_desc-optcom")
    return {
        label: json.loads(names.sidecar("maps", label).read_text())["confound_names"]
        for label in ("tedana", "both")
    }, names


def test_from_the_folder(home, tmp_path):
    given = home[0] / "fmriprep"
    more = ("--derivatives", f"tedana={home[0] / 'tedana'}", "--desc", "optcom")
    more += ("--space", "native")
    assert call(home, tmp_path / "out", given, *more) == 0
    columns, names = regressed(tmp_path / "out")
    theirs, _ = load_confounds(
        str(home[1] / f"{STEM}_desc-optcom_bold.nii.gz"), strategy=("tedana",)
    )
    assert columns["tedana"] == list(theirs.columns) == ["rejected_ICA_01", "rejected_ICA_02"]
    assert len(columns["both"]) == 2 + 6
    raw = pd.read_csv(names.raw("maps"), sep="\t").to_numpy()
    cleaned = pd.read_csv(names.timeseries("maps", "tedana"), sep="\t").to_numpy()
    design = np.column_stack([np.ones(N_VOLUMES), theirs])
    left = raw - design @ np.linalg.lstsq(design, raw)[0]
    np.testing.assert_allclose(cleaned - cleaned.mean(axis=0), left, atol=1e-8 * raw.std())
    assert names.report("maps", "tedana").is_file()


def test_named_by_hand_or_missing(home, tmp_path, capsys):
    image = home[1] / f"{STEM}_desc-optcom_bold.nii.gz"
    tables = [home[1] / f"{STEM}_desc-ICA_mixing.tsv", home[1] / f"{STEM}_desc-tedana_metrics.tsv"]
    tables.append(next((home[0] / "fmriprep").rglob("*_desc-confounds_timeseries.tsv")))
    more = ("--no-reports",)
    assert call(home, tmp_path / "named", image, *more, "--confounds", *tables) == 0
    assert len(regressed(tmp_path / "named")[0]["both"]) == 8
    assert call(home, tmp_path / "lost", image, *more, "--confounds", tables[-1]) == 2
    (row,) = read_rows(tmp_path / "lost" / "runs.tsv")
    assert "needs tedana's tables, desc-ICA_mixing.tsv" in row["reason"]
    assert call(home, tmp_path / "half", image, *more, "--confounds", *tables[1:]) == 2
    (row,) = read_rows(tmp_path / "half" / "runs.tsv")
    assert "give both, or none" in row["reason"]
