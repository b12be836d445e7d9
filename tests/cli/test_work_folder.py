# SPDX-License-Identifier: Apache-2.0
"""What is left on disk: files per run, no secret, nothing after cleaning up."""

import gzip
import re
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.io.results.layout import private_folder
from tests.cli.test_run import cohort  # noqa: F401 - a fixture
from tests.tiny import make_tiny

SECRET = "s3cr3t-t0ken-of-the-user"
"""A value of an environment variable that must stay in the environment."""

DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "multiproc.md"
"""The page that tells of the number of files."""


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("bad", [False, True])
def test_no_environment_variable_is_stored(tiny, tmp_path, call, monkeypatch, bad):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    in_files = list(tiny.in_files)
    if bad:
        in_files[1] = str(tmp_path / "cut_bold.nii.gz")
        Path(in_files[1]).write_bytes(Path(tiny.in_files[1]).read_bytes()[:5000])
    table = tiny.write_table(tmp_path / "runs.tsv", in_file=in_files)
    engine = ("--plugin", "MultiProc", "--n-procs", "2")
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, engine=engine)
    assert told.code == int(bad), told.err
    n_results = 0
    for path in files_below(tmp_path / "out"):
        content = path.read_bytes()
        n_results += path.suffix == ".pklz"
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        assert SECRET.encode() not in content, path
    assert n_results > 10


def test_a_crash_stores_none_either(tiny, tmp_path, call, monkeypatch):
    from nipype_mapsmasker.steps import extract as extraction

    def extract_run(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(extraction, "extract_run", extract_run)
    monkeypatch.setenv("MY_TOKEN", SECRET)
    table = tiny.write_table(tmp_path / "runs.tsv")
    assert call("run", table, tmp_path / "out", "--maps", tiny.maps_file).code == 2
    for path in files_below(tmp_path / "out"):
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        assert SECRET.encode() not in content, path


def test_files_per_run_are_as_documented(tmp_path, call):
    counts = {}
    for n_runs in (2, 6):
        tiny = make_tiny(tmp_path / f"data{n_runs}", grids=(0,) * n_runs)
        table = tiny.write_table(tmp_path / "runs.tsv")
        out = tmp_path / f"out{n_runs}"
        engine = ("--plugin", "Linear")
        assert call("run", table, out, "--maps", tiny.maps_file, engine=engine).code == 0
        work = len(files_below(private_folder(out) / "work"))
        counts[n_runs] = work, len(files_below(out)) - work
    per_run = [(counts[6][place] - counts[2][place]) / 4 for place in (0, 1)]
    words = DOCS.read_text(encoding="utf-8")
    found = re.search(r"(\d+) files per run in the working folder and (\d+) in the result", words)
    assert found is not None
    assert per_run == [float(found[1]), float(found[2])]


@pytest.mark.parametrize("own", [False, True])
def test_clean_work_dir(tiny, cohort, tmp_path, call, own):  # noqa: F811 - the fixture
    out = tmp_path / "out"
    work = tmp_path / "scratch" if own else private_folder(out) / "work"
    work.mkdir(parents=True)
    if own:
        (work / "precious.txt").write_text("of somebody else")
    words = ["--clean-work-dir", *(["-w", work] if own else [])]
    assert call("run", cohort, out, "--maps", tiny.maps_file, *words).code == 0
    assert [path.name for path in files_below(work)] == (["precious.txt"] if own else [])
    assert work.exists() is own


def test_the_work_folder_stays_where_a_run_failed(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv", in_file=[*tiny.in_files[:2], "gone.nii"])
    words = ("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--clean-work-dir")
    assert call(*words).code == 1
    assert (private_folder(tmp_path / "out") / "work").is_dir()


def test_help_is_quick():
    before = set(sys.modules)
    from nipype_mapsmasker.cli.parser import build_parser

    build_parser().format_help()
    assert not {"nipype", "matplotlib", "pandas", "tqdm"} & (set(sys.modules) - before)
