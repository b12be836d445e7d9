# SPDX-License-Identifier: Apache-2.0
"""A folder of derivatives made by others, in three generations of fMRIPrep, with known truth."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.core.parameters import SelectionParameters
from nipype_mapsmasker.io.bids.finding import find_runs
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.io.timing import resolve_t_r

SPACE = "MNI152NLin2009cAsym"
ENDING = f"_space-{SPACE}_res-2"

SIMPLE = ("trans_*", "rot_*", "csf", "white_matter", "cosine*", "non_steady_state_outlier*")
"""The columns of nilearn's strategy 'simple', and those of the volumes that it leaves out."""

LEAST_R = 0.77
"""Median over regions of the correlation with the truth that every run reaches."""


@pytest.fixture(scope="module", params=["25", "22", "20"])
def made(shared_data, tmp_path_factory, request):
    """The folder that the script makes, in the style of one generation."""
    script = shared_data.parent / "fmriprep" / "make_fmriprep.py"
    if not script.is_file():
        pytest.skip(f"{script} is not there.")
    folder = tmp_path_factory.mktemp(f"style{request.param}") / "made"
    words = [sys.executable, str(script), str(folder), "--style", request.param]
    subprocess.run(words, check=True, capture_output=True)
    return folder


def test_the_list_of_runs_is_the_expected_one(made):
    expected = {row["run"]: row for row in read_rows(made / "truth" / "expected_runs.tsv")}
    standard = find_runs(made / "fmriprep", SelectionParameters(space=SPACE), needs_confounds=True)
    native = find_runs(made / "fmriprep", SelectionParameters(space="native", echo="n/a"))
    found = {run.run_id.removesuffix(ENDING): run for run in (*standard.runs, *native.runs)}
    assert found.keys() == expected.keys()
    for name, row in expected.items():
        run = found[name]
        info = read_info(run.image.path)
        t_r = resolve_t_r(run.image.path, info.t_r)
        assert t_r.seconds == float(row["t_r"])
        assert info.n_volumes == int(row["volumes"])
        assert (run.mask is None) == (row["mask"] == "missing")
        if row["confounds"] == "missing":
            assert run.confounds == ()
            assert "no table of confounds" in run.fault
        else:
            with open(run.confounds[0]) as stream:  # noqa: PTH123
                header = stream.readline().split("\t")
            assert f"{len(header)} columns" == row["confounds"]


def test_pybids_and_bids2table_say_the_same(made):
    """The same images in each space, and the same repetition times."""
    root = made / "fmriprep"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their dependencies are older than Python
        import bids2table
        from bids import BIDSLayout

        layout = BIDSLayout(root, validate=False, config=["bids", "derivatives"])
        rows = bids2table.index_dataset(root).to_pylist()
        for space in (SPACE, "MNI152NLin6Asym", None):
            choice = SelectionParameters(space=space or "native", mask_from="none")
            ours = {run.image.path for run in find_runs(root, choice).runs}
            wanted = {"suffix": "bold", "extension": ".nii.gz", "desc": "preproc"}
            found = layout.get(return_type="file", space=space, **wanted)
            assert ours == {path for path in found if "_echo-" not in path}
            listed = {
                str(root / row["path"])
                for row in rows
                if (row["suffix"], row["ext"], row["desc"]) == ("bold", ".nii.gz", "preproc")
                and (row["space"], row["echo"]) == (space, None)
            }
            assert ours == listed
            for path in ours:
                seconds = resolve_t_r(path, read_info(path).t_r).seconds
                assert seconds == layout.get_metadata(path)["RepetitionTime"]
                assert seconds == bids2table.load_bids_metadata(path)["RepetitionTime"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning:nilearn", "ignore::UserWarning:nilearn")
def test_every_run_is_done_but_two_and_tells_the_truth(made, tmp_path, capsys):
    out = tmp_path / "out"
    (maps,) = (made / "atlas" / f"tpl-{SPACE}").glob("*_probseg.nii.gz")
    words = [str(made / "fmriprep"), str(out), "participant", "--space", SPACE]
    words += ["--maps", str(maps), "--confounds-columns", *SIMPLE, "--detrend"]
    assert main([*words, "--plugin", "Linear", "--no-reports", "-q"]) == 1
    rows = {row["run_id"].removesuffix(ENDING): row for row in read_rows(out / "runs.tsv")}
    failed = {name for name, row in rows.items() if row["status"] != "done"}
    assert failed == {"sub-03_ses-post_task-rest", "sub-04_ses-pre_task-nback"}
    assert len(rows) == 17 + 2
    for name in rows.keys() - failed:
        signals, _ = read_signals(run_files(out, name + ENDING).timeseries("Toy"))
        truth, _ = read_signals(made / "truth" / f"{name}_regions.tsv")
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(signals.T, truth.T, strict=True)]
        assert np.median(r) > LEAST_R, name
    capsys.readouterr()
    assert main(["verify", str(out), "--runs", "2"]) == 0
    same = [line.endswith(" SD, same") for line in capsys.readouterr().out.splitlines()[1:]]
    assert same == [True, True]
