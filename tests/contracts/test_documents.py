# SPDX-License-Identifier: Apache-2.0
"""The documents for contributors say what is there: rooms, paths, names, commands, the map."""

import importlib.util
import re
import shlex

import pytest

from nipype_mapsmasker.cli.parser import COMMANDS

from .conftest import ROOT, tracked_files
from .test_repository import MARKERS, PYPROJECT

PACKAGE = ROOT / "nipype_mapsmasker"
"""The package's folder."""

DOCUMENTS = [
    "ARCHITECTURE.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/how-to/containers.md",
]
"""What is watched here."""


def text_of(document):
    return (ROOT / document).read_text()


def prose_of(document):
    """Leave out the blocks of code, which have other rules."""
    return re.sub(r"^ *```.*?^ *```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)


def shell_lines(document):
    """List the commands that a reader is told to type."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text_of(document), flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


COMMAND_LINES = [(name, line) for name in DOCUMENTS for line in shell_lines(name)]
"""Each with the document that it is in."""


def test_every_room_is_named_in_the_architecture():
    rooms = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    names = [f"`{room.relative_to(PACKAGE).as_posix()}/`" for room in rooms]
    names += [f"`{path.name}`" for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    assert len(names) > 10
    assert not [name for name in names if f"| {name} |" not in text_of("ARCHITECTURE.md")]


def test_every_folder_of_tests_that_the_architecture_names_is_there():
    named = re.findall(r"`(tests/\w+)`", text_of("ARCHITECTURE.md"))
    assert len(named) > 8
    assert all((ROOT / name).is_dir() for name in named)


def test_the_map_is_what_the_contracts_say():
    spec = importlib.util.spec_from_file_location("draw_house", ROOT / "docs" / "draw_house.py")
    house = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(house)
    drawn = (ROOT / "docs" / "figures" / "house.svg").read_text()
    assert drawn == house.draw(), "the map is old: run python docs/draw_house.py"
    layers = next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if "layers" in c)
    for room in re.findall(r"\w+", " ".join(layers["layers"])):
        assert f">{room}</text>" in drawn


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_between_backticks_and_in_links_exist(document):
    text = prose_of(document)
    named = re.findall(r"`(\.{0,2}[\w./-]+/[\w.-]*|[\w-]+\.(?:md|toml|cfg))`", text)
    named += [
        link.split("#")[0]
        for link in re.findall(r"\]\(([^)]+)\)", text)
        if not link.startswith(("http", "mailto:", "#"))
    ]
    folder = (ROOT / document).parent
    missing = [
        name
        for name in named
        if not name.startswith("../")
        and not name.startswith("/")
        and not any((base / name).exists() for base in (folder, ROOT, PACKAGE))
    ]
    assert not missing


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_names_between_backticks_are_somebody_s(document):
    code = "\n".join(
        path.read_text()
        for path in tracked_files()
        if path.suffix in (".py", ".toml", ".sh") or path.parent.name == ".ci"
    )
    known = set(re.findall(r"\w+", code))
    named = set(re.findall(r"`([A-Za-z_]\w+)(?:\(.*?\))?`", prose_of(document)))
    assert len(named) > 5
    assert not sorted(named - known)


def test_the_declaration_that_is_shown_is_the_code_s():
    (shown,) = re.findall(r"```python\n(.*?)```", text_of("CONTRIBUTING.md"), flags=re.DOTALL)
    source = (PACKAGE / "core" / "parameters" / "extraction.py").read_text()
    assert " ".join(shown.split()) in " ".join(source.split())


def test_there_are_commands():
    assert len(COMMAND_LINES) > 8


@pytest.mark.parametrize(("document", "line"), COMMAND_LINES)
def test_commands_exist(document, line):
    words = shlex.split(line, comments=True)
    extras = PYPROJECT["project"]["optional-dependencies"]
    for word in words:
        for extra in re.findall(r"\[([\w,]+)\]", word):
            assert set(extra.split(",")) <= set(extras)
    program, *rest = words
    tool = program.rpartition("/")[2]
    if program.startswith(".venv/bin/"):
        assert tool in {"python", "pip", *PYPROJECT["project"]["scripts"]}
    elif "/" in program:
        assert (ROOT / program).is_file()
    else:
        assert program in {
            "python3",
            "pip",
            "docker",
            "apptainer",
            "gh",
            *PYPROJECT["project"]["scripts"],
        }
    if tool == "mapsmasker":
        assert rest[0] in {*COMMANDS, "--version", "--help"}
    if rest[:2] == ["-m", "pytest"] and "-m" in rest[2:]:
        used = set(re.findall(r"\w+", rest[rest.index("-m", 2) + 1])) - {"and", "or", "not"}
        assert used <= MARKERS
    if tool in ("python", "python3"):
        paths = [word for word in rest if "/" in word]
        assert all((ROOT / path).exists() for path in paths)
