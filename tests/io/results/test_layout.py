# SPDX-License-Identifier: Apache-2.0
"""Names of the results: BIDS's where a run has a BIDS name, plain ones elsewhere."""

import re
from pathlib import Path

import pytest

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.names import parse_name
from nipype_mapsmasker.io.results.layout import RunFiles, check_run_ids, run_files

OUT = Path("out")
RUN = "sub-01_ses-pre_task-rest_run-01_space-MNI152NLin2009cAsym_res-2"


def names_of(files):
    """Every name that a run has, with an atlas of a scale and a strategy."""
    atlas, strategy = "DiFuMo:64", "simple+gsr"
    return {
        "timeseries": files.timeseries(atlas, strategy),
        "sidecar": files.sidecar(atlas, strategy),
        "raw": files.raw(atlas),
        "coverage": files.coverage(atlas),
        "mean": files.mean,
        "outliers": files.outliers(strategy),
        "relmat": files.relmat("partial", atlas, strategy),
        "reconstruction": files.reconstruction(atlas, strategy),
        "report": files.report(atlas, strategy),
    }


def test_names_of_a_run_of_a_bids_name():
    start = "sub-01_ses-pre_task-rest_run-01_space-MNI152NLin2009cAsym"
    full = f"{start}_atlas-DiFuMo_scale-64_res-2"
    found = {kind: path.as_posix() for kind, path in names_of(run_files(OUT, RUN)).items()}
    func = "out/sub-01/ses-pre/func"
    assert found == {
        "timeseries": f"{func}/{full}_desc-simple+gsr_timeseries.tsv",
        "sidecar": f"{func}/{full}_desc-simple+gsr_timeseries.json",
        "raw": f"{func}/{full}_desc-raw_timeseries.tsv",
        "coverage": f"{func}/{full}_stat-coverage_bold.tsv",
        "mean": f"{func}/{start}_res-2_boldref.nii.gz",
        "outliers": f"{func}/{start}_res-2_desc-simple+gsr_outliers.tsv",
        "relmat": f"{func}/{full}_stat-partialcorrelation_desc-simple+gsr_relmat.tsv",
        "reconstruction": f"{func}/{start}_res-2_desc-DiFuMo+64+simple+gsr_bold.nii.gz",
        "report": f"out/sub-01/ses-pre/figures/{full}_desc-simple+gsr_report.html",
    }


@pytest.mark.parametrize("run_id", ["img", "sub-01", "maps_4D", "sub-01_task-rest_bold"])
def test_any_other_run_has_a_folder_of_its_own(run_id):
    for path in names_of(run_files(OUT, run_id)).values():
        assert path.parent == OUT / run_id
        assert path.name.startswith(f"{run_id}_")


def test_a_description_of_the_image_stays_in_the_names():
    files = run_files(OUT, "sub-01_task-rest_desc-optcom")
    assert files.timeseries("A", "simple").name == (
        "sub-01_task-rest_atlas-A_desc-optcom+simple_timeseries.tsv"
    )
    assert files.mean.name == "sub-01_task-rest_desc-optcom_boldref.nii.gz"


@pytest.mark.parametrize("run_id", [RUN, "img", "sub-01_task-rest_desc-optcom"])
def test_what_only_this_program_reads_has_no_name_of_a_result(run_id):
    files = run_files(OUT, run_id)
    private = [files.manifest, files.fit_quality("A"), files.reportdata("A", "s")]
    endings = {path.name.rpartition("_")[2] for path in names_of(files).values()}
    for path in private:
        assert path.is_relative_to(OUT / ".mapsmasker")
        assert path.name.rpartition("_")[2] not in endings


def test_every_name_of_a_bids_run_is_one_of_bids():
    for path in names_of(run_files(OUT, RUN)).values():
        parsed = parse_name(path.name)
        assert str(parsed) == path.name
        assert all(re.fullmatch(r"[A-Za-z0-9+]+", label) for label in parsed.entities.values())


def test_sidecars_of_the_run_are_found(tmp_path):
    files = RunFiles(tmp_path, RUN)
    assert files.sidecars() == []
    files.folder.mkdir(parents=True)
    mine = files.sidecar("A")
    mine.write_text("{}")
    files.raw_sidecar("A").write_text("{}")
    (files.folder / "notes.json").write_text("{}")
    assert files.sidecars() == [mine]


@pytest.mark.parametrize(
    "run_ids",
    [
        ["sub-01_task-rest", "SUB-01_task-rest"],
        ["sub-01_task-rest_run-1", "sub-01_run-1_task-rest"],
    ],
)
def test_two_runs_that_would_write_the_same_files_are_refused(run_ids):
    with pytest.raises(ParameterError, match="would write the same files"):
        check_run_ids(run_ids)


@pytest.mark.parametrize("run_id", [".mapsmasker", "Figures", "README.md", "qc.tsv", "logs"])
def test_names_that_the_folder_uses_are_refused(run_id):
    with pytest.raises(ParameterError, match="the result folder uses that name"):
        check_run_ids([run_id])
