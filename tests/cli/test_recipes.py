# SPDX-License-Identifier: Apache-2.0
"""``mapsmasker recipes`` has the scripts of workflows/, from a checkout and from a wheel."""

import configparser
from pathlib import Path

import pytest

import nipype_mapsmasker
from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.cli.recipes import find_recipes

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

SCRIPTS = sorted((ROOT / "workflows").glob("*.py"))
"""What there is to be found."""


def test_lists_every_script_with_a_sentence(capsys):
    assert main(["recipes"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == [path.stem for path in SCRIPTS]
    assert all(sentence.endswith(".") for _, sentence in lines)


@pytest.mark.parametrize("suffix", ["", ".py"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_prints_a_script_as_it_is(capsys, script, suffix):
    assert main(["recipes", script.stem + suffix]) == 0
    assert capsys.readouterr().out == script.read_text()


def test_an_unknown_name_is_answered_with_the_known_ones(capsys):
    assert main(["recipes", "one_rum"]) == 2
    error = capsys.readouterr().err
    assert "There is no recipe 'one_rum'" in error
    assert "one_run" in error


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lay files out as pip does with a wheel, and give the folder of the scripts."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    ((target, patterns),) = config["options.data_files"].items()
    site = tmp_path / "lib" / "python3" / "site-packages"
    record = site / "nipype_mapsmasker-1.0.dist-info" / "RECORD"
    for folder in (tmp_path / target, record.parent):
        folder.mkdir(parents=True)
    scripts = [path for pattern in patterns.split() for path in ROOT.glob(pattern)]
    for script in scripts:
        (tmp_path / target / script.name).write_text(script.read_text())
    lines = [f"../../../{target}/{script.name},," for script in scripts]
    record.write_text("\n".join(["nipype_mapsmasker/__init__.py,,", *lines]) + "\n")
    (record.parent / "METADATA").write_text("Name: nipype-mapsmasker\nVersion: 1.0\n")
    monkeypatch.setattr(
        nipype_mapsmasker, "__file__", str(site / "nipype_mapsmasker" / "__init__.py")
    )
    return tmp_path / target


def test_what_pip_installs_is_found(installed, capsys):
    found = find_recipes()
    assert [path.name for path in found.values()] == [path.name for path in SCRIPTS]
    assert all(path.resolve().parent == installed for path in found.values())
    assert main(["recipes", SCRIPTS[0].stem]) == 0
    assert capsys.readouterr().out == SCRIPTS[0].read_text()


def test_an_installation_without_them_says_so(installed, capsys):
    for path in installed.iterdir():
        path.unlink()
    assert main(["recipes"]) == 2
    assert "This installation has no recipes" in capsys.readouterr().err
