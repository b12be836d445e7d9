# SPDX-License-Identifier: Apache-2.0
"""Result folders that somebody changed: done again, passed over, or one sentence."""

import os
import shutil

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.results.layout import private_folder
from tests.bad_days.conftest import count
from tests.tiny import make_tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cohort's folder, and its results, which tests copy."""
    home = tmp_path_factory.mktemp("tampered")
    tiny = make_tiny(home / "data")
    tiny.write_table(home / "table.tsv")
    assert call(home, home / "out") == 0
    return home


def call(home, out):
    words = ["run", home / "table.tsv", out, "--maps", home / "data" / "maps.nii.gz"]
    return main([*map(str, words), "--no-reports", "--plugin", "Linear", "-q"])


def rewrite(pattern, content):
    """Give what writes something else into files of a folder."""

    def change(folder):
        paths = list(folder.rglob(pattern))
        assert paths
        for path in paths:
            path.write_bytes(content)

    return change


def become_pipes(folder):
    for path in folder.rglob("*_desc-raw_timeseries.tsv"):
        path.unlink()
        os.mkfifo(path)


TYPES = b'{"Atlas": 3, "masker": [], "Strategy": {}, "extraction_warnings": 1}'
CHANGES = {
    "sidecars that are lists": rewrite("*_timeseries.json", b"[]"),
    "sidecars of other types": rewrite("*_timeseries.json", TYPES),
    "brackets without end": rewrite("*_timeseries.json", b"[" * 20_000),
    "sidecars of bytes": rewrite("*_timeseries.json", b"\xff\xfe\0"),
    "a .bidsignore of bytes": rewrite(".bidsignore", b"\xff\xfe\0"),
    "a description that is a list": rewrite("dataset_description.json", b'["mapsmasker"]'),
    "an empty table": rewrite("runs.tsv", b""),
    "a table with paths for names": rewrite("runs.tsv", b"run_id\tstatus\n../../x\tdone\n"),
    "pipes for signals": become_pipes,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_tampered_folder_is_no_fault_of_the_program(made, tmp_path, capsys, name):
    for command in ("again", "report", "group") if "sidecar" in name else ("again", "report"):
        folder = tmp_path / command
        shutil.copytree(made / "out", folder)
        CHANGES[name](folder)
        code = call(made, folder) if command == "again" else main([command, str(folder), "-q"])
        told = capsys.readouterr().err
        assert code in (0, 1, 2), told
        assert "Traceback" not in told
        assert "object has no attribute" not in told
        assert code == 0 or told.startswith("mapsmasker: ")
        if command == "again" and code == 0:
            assert call(made, folder) == 0
            manifests = list(private_folder(folder).rglob("*manifest*"))
            assert manifests
        count("faults")
