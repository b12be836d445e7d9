# SPDX-License-Identifier: Apache-2.0
"""Pages by interface, by workflow, and made again: values, faults, bytes."""

import html
import json
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.interfaces import CleanSignals, ExtractSignals, FitMaps
from nipype_mapsmasker.interfaces import reports as doors
from nipype_mapsmasker.interfaces.reports import ReportCohort, ReportRun
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.reports.folder import make_reports
from nipype_mapsmasker.testing import make_cohort

STRATEGY = {"detrend": True, "standardize": "zscore_sample", "high_pass": 0.01, "low_pass": 0.1}


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch):
    """Keep Nipype's account of nodes off the screen and its files out of the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("nipype.workflow", "nipype.utils", "nipype.interface"):
        monkeypatch.setattr(nipype_logging.getLogger(name), "disabled", True)
    # The command line keeps the package's messages to its own screen.
    own = logging.getLogger("nipype_mapsmasker")
    monkeypatch.setattr(own, "propagate", True)
    level = own.level
    own.setLevel(logging.WARNING)
    yield
    own.setLevel(level)


@pytest.fixture(scope="module")
def given(tiny, tmp_path_factory):
    """The inputs of `ReportRun` for the first run, made by the steps before it."""
    cwd = tmp_path_factory.mktemp("steps")
    fit = FitMaps(
        maps_file=tiny.maps_file,
        labels_file=tiny.labels_file,
        reference_file=tiny.in_files[0],
        save_cuts=True,
    ).run(cwd=cwd)
    operator = fit.outputs.operator_file
    extract = ExtractSignals(in_file=tiny.in_files[0], operator_files=[operator]).run(cwd=cwd)
    clean = CleanSignals(
        signals_file=extract.outputs.signals_files[0],
        confounds_files=tiny.confounds_files[0],
        sample_mask_file=tiny.sample_mask_files[0],
        t_r=2.0,
        detrend=True,
    ).run(cwd=cwd)
    return {
        "run_id": tiny.run_ids[0],
        "in_file": tiny.in_files[0],
        "signals_file": extract.outputs.signals_files[0],
        "timeseries_file": clean.outputs.out_file,
        "summary_file": clean.outputs.summary_file,
        "coverage_file": extract.outputs.coverage_files[0],
        "fit_quality_file": extract.outputs.fit_quality_files[0],
        "mean_file": extract.outputs.mean_file,
        "fit_coverage_file": fit.outputs.coverage_file,
        "cuts_file": fit.outputs.cuts_file,
        "confounds_files": tiny.confounds_files[0],
        "sample_mask_file": tiny.sample_mask_files[0],
        "atlas": "three",
        "t_r": 2.0,
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A result folder with pages, made by the workflow's command, one run of three broken."""
    folder = tmp_path_factory.mktemp("results")
    cohort = make_cohort(folder / "data", n_subjects=2, outliers=["truncated"])
    out = folder / "out"
    assert main(words(cohort, out)) == 1
    return cohort, out


def words(cohort, out, *more):
    """Write the command of a small cohort."""
    return [
        *("run", str(cohort.runs_file), str(out), "--maps", str(cohort.maps_file)),
        *("--atlas-names", "demo", "--labels", str(cohort.labels_file), "--quiet"),
        *("--plugin", "Linear", "--detrend", "--standardize", "zscore_sample", *more),
    ]


def text_of(page):
    return html.unescape(page.read_text(encoding="utf-8"))


def table_of(out):
    """Give the rows of the cohort's page, column by column."""
    page = (out / "report.html").read_text(encoding="utf-8")
    [data] = re.findall(r'id="page-data">(.*?)</script>', page)
    return json.loads(data)["table"]


def pages_of(out):
    return {
        path.relative_to(out): path.read_bytes()
        for path in out.rglob("*report.html")
        if "work" not in path.relative_to(out).parts
    }


def test_the_page_of_a_run_has_its_values(given, tmp_path):
    outputs = ReportRun(**given, out_dir=str(tmp_path)).run(cwd=tmp_path).outputs
    assert outputs.fault_file is None
    page = text_of(Path(outputs.out_file))
    summary = json.loads(Path(given["summary_file"]).read_text(encoding="utf-8"))
    for expected in (
        given["run_id"], given["in_file"], "three (3 maps)", "37 of 40", "2 s",
        Path(given["confounds_files"]).name,
        '"view":[0,1,2]', "one", f"<dd>{summary['degrees_of_freedom']}</dd>",
    ):  # fmt: skip
        assert expected in page, expected
    assert 'href="./../../report.html"' in page


def test_what_the_page_needs_is_kept(given, tmp_path):
    outputs = ReportRun(**given).run(cwd=tmp_path).outputs
    with np.load(outputs.data_file) as kept:
        assert kept["confounds"].shape == (40, 2)
        assert kept["confound_names"].tolist() == ["csf", "csf_derivative1"]
        assert {"variance_inflation", "cuts", "sources"} <= set(kept.files)


def test_equal_inputs_give_equal_bytes(given, tmp_path):
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        outputs = ReportRun(**given).run(cwd=tmp_path / name).outputs
        made.append([Path(path).read_bytes() for path in (outputs.out_file, outputs.data_file)])
    assert made[0] == made[1]


def test_an_earlier_fault_is_passed_on(tmp_path):
    fault = tmp_path / "fault.json"
    fault.write_text("{}")
    nothing = dict.fromkeys(
        ("signals_file", "timeseries_file", "summary_file", "coverage_file"), None
    )
    outputs = ReportRun(**nothing, upstream_fault=str(fault)).run(cwd=tmp_path).outputs
    assert outputs.fault_file == str(fault)
    assert outputs.out_file is None
    assert outputs.data_file is None


def test_a_page_that_cannot_be_drawn_costs_nothing_else(given, tmp_path, monkeypatch, caplog):
    def draw(*_, **__):
        msg = "Image size of 70000x1 pixels is too large."
        raise ValueError(msg)

    monkeypatch.setattr(doors, "write_run_page", draw)
    with caplog.at_level(logging.WARNING, "nipype_mapsmasker.interfaces"):
        outputs = ReportRun(**given).run(cwd=tmp_path).outputs
    assert outputs.out_file is None
    assert outputs.fault_file is None
    assert outputs.data_file is not None
    [record] = caplog.records
    assert given["run_id"] in record.getMessage()
    assert "70000x1" in record.getMessage()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_faults_of_the_system_are_raised(given, tmp_path, monkeypatch, error):
    def draw(*_, **__):
        raise error

    monkeypatch.setattr(doors, "write_run_page", draw)
    with pytest.raises(type(error)):
        ReportRun(**given, on_error="record").run(cwd=tmp_path)


def test_a_cohort_keeps_its_results_without_pages(tmp_path, monkeypatch):
    def draw(*_, **__):
        msg = "out of paper"
        raise RuntimeError(msg)

    monkeypatch.setattr(doors, "write_run_page", draw)
    cohort = make_cohort(tmp_path / "data", n_subjects=1, grids=1)
    out = tmp_path / "out"
    assert main(words(cohort, out)) == 0
    assert [row["status"] for row in read_rows(out / "runs.tsv")] == ["done"]
    assert list(pages_of(out)) == [(out / "report.html").relative_to(out)]
    assert table_of(out)["link"] == [""]
    # Once drawing works again, the page is made from what was kept.
    monkeypatch.undo()
    assert len(make_reports(out)) == 2


def test_pages_are_made_again_without_the_images_and_to_the_byte(results, tmp_path):
    cohort, out = results
    before = pages_of(out)
    assert len(before) == 3
    for path in before:
        (out / path).unlink()
    hidden = tmp_path / "hidden"
    shutil.move(cohort.folder, hidden)
    try:
        assert main(["report", str(out), "--quiet"]) == 0
        assert pages_of(out) == before
        assert main(["report", str(out), "--quiet", "--displayed-maps", "2"]) == 0
        page = next(path for path in before if path.parts[0] == "sub-01")
        assert "2 of 8 maps are shown." in text_of(out / page)
        assert main(["report", str(out), "--quiet"]) == 0
        assert pages_of(out) == before
    finally:
        shutil.move(hidden, cohort.folder)


def test_a_failed_run_has_a_row_with_reason_and_log(results):
    cohort, out = results
    [broken] = cohort.outliers
    table = table_of(out)
    place = table["run"].index(broken)
    assert place == 0  # the worst first
    assert table["levels"][table["level"][place]]["level"] == "failed"
    reason = next(r["reason"] for r in read_rows(out / "runs.tsv") if r["run_id"] == broken)
    assert table["reasons"][place][0].startswith(reason)
    assert (out / table["link"][place]).is_file()
    assert not list(out.glob(f"{broken.split('_')[0]}/**/*report.html"))


def test_the_cohort_by_interface_is_that_of_the_command(results, tmp_path):
    _, out = results
    before = (out / "report.html").read_bytes()
    report = ReportCohort(out_dir=str(out), runs_file=str(out / "runs.tsv"))
    outputs = report.run(cwd=tmp_path).outputs
    assert outputs.out_file == str(out / "report.html")
    assert (out / "report.html").read_bytes() == before


def test_a_cohort_that_failed_altogether_has_a_page(tmp_path):
    cohort = make_cohort(tmp_path / "data", n_subjects=0, outliers=["truncated", "truncated"])
    out = tmp_path / "out"
    assert main(words(cohort, out)) == 2
    page = text_of(out / "report.html")
    assert "Every run failed" in page
    table = table_of(out)
    assert [table["levels"][level]["level"] for level in table["level"]] == ["failed"] * 2
    assert sorted(table["run"]) == sorted(cohort.run_ids)
    assert make_reports(out) == [out / "report.html"]


def test_wishes_that_cannot_be_meant_are_refused_at_once(results, tmp_path):
    _, out = results
    before = pages_of(out)
    with pytest.raises(ParameterError, match="cmap must be"):
        make_reports(out, cmap="no such map")
    with pytest.raises(ParameterError, match="displayed_maps must be"):
        make_reports(out, displayed_maps=1.5)
    with pytest.raises(ParameterError, match=r"holds no runs\.tsv"):
        make_reports(tmp_path)
    assert pages_of(out) == before


def test_a_missing_result_is_told_and_costs_no_other_page(results, caplog):
    _, out = results
    [lost] = out.glob("sub-01/**/*_stat-coverage_bold.tsv")
    content = lost.read_bytes()
    lost.unlink()
    try:
        pages = make_reports(out)
        assert len(pages) == 2
        assert "sub-01_task-rest: the page could not be drawn" in caplog.text
        assert "The stored results cannot be read" in text_of(out / "report.html")
    finally:
        lost.write_bytes(content)
        make_reports(out)


def test_a_page_links_to_its_own_files_and_to_the_cohorts(results):
    _, out = results
    [page] = out.glob("sub-01/**/*report.html")
    links = re.findall(r'<a href="\./([^"#]*)"', page.read_text(encoding="utf-8"))
    targets = [(page.parent / unquote(link)).resolve() for link in links]
    assert all(target.is_file() for target in targets)
    assert out.resolve() / "report.html" in targets
    assert {target.suffix for target in targets} >= {".tsv", ".json", ".html", ".gz"}


@pytest.mark.parametrize("described", ["", "{}", '{"GeneratedBy": [{"Name": "fMRIPrep"}]}', "["])
def test_folders_that_are_not_results_are_left_alone(tmp_path, capsys, described):
    (tmp_path / "runs.tsv").write_text("run_id\tin_file\nsub-01\tsub-01.nii.gz\n")
    if described:
        (tmp_path / "dataset_description.json").write_text(described)
    before = sorted(tmp_path.rglob("*"))
    for command in ("report", "figures"):
        assert main([command, str(tmp_path)]) == 2
        assert "holds a runs.tsv but no results" in capsys.readouterr().err
    with pytest.raises(ParameterError, match="not the folder of its input"):
        make_reports(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_several_processes_make_the_same_pages(results, monkeypatch, capsys):
    _, out = results
    before = pages_of(out)
    monkeypatch.setattr("nipype_mapsmasker.cohort.pages.FEW_RUNS", 1)
    assert main(["report", str(out), "--n-procs", "2"]) == 0
    assert pages_of(out) == before
    said = capsys.readouterr()
    assert "pages: 2 of 2; 2 done, 0 failed" in said.err
    assert "3 pages; begin with" in said.out
    assert not (out / ".mapsmasker" / "pages").exists()


def test_processes_that_make_pages_never_import_what_draws(results):
    _, out = results
    code = (
        "import sys; from nipype_mapsmasker.reports.folder import make_reports\n"
        f"make_reports({str(out)!r})\n"
        "import nipype_mapsmasker.interfaces.reports\n"
        "print([m for m in ('matplotlib', 'jinja2', 'PIL') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("format", ["svg", "png"])
def test_figures_of_a_result_folder_are_for_paper(results, format):
    _, out = results
    assert main(["figures", str(out), "--format", format, "--quiet"]) == 0
    made = {path.name: path.read_bytes() for path in (out / "figures").glob(f"*.{format}")}
    assert f"atlas-demo_measures.{format}" in made
    assert sum("_carpet" in name for name in made) == 2
    assert main(["figures", str(out), "--format", format, "--quiet"]) == 0
    again = {path.name: path.read_bytes() for path in (out / "figures").glob(f"*.{format}")}
    assert again == made
    shutil.rmtree(out / "figures")
