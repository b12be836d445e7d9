# SPDX-License-Identifier: Apache-2.0
"""The site's reference has all that the code has: options, fields, objects, files, messages."""

import argparse
import ast
import importlib
import inspect
import re
import sys
from functools import cached_property

import pytest

from nipype_mapsmasker import errors, interfaces
from nipype_mapsmasker.cli import main as exits
from nipype_mapsmasker.cli.parser import COMMANDS, build_parser, parser_of
from nipype_mapsmasker.io.results.analyses import OUTLIER_COLUMNS
from nipype_mapsmasker.io.results.cohort import MAPS_COLUMNS, RUN_COLUMNS
from nipype_mapsmasker.io.results.descriptions import COVERAGE_COLUMNS
from nipype_mapsmasker.io.results.layout import RunFiles
from nipype_mapsmasker.reports.qc import QC_COLUMNS
from nipype_mapsmasker.steps.cohort_matrices import QCFC_COLUMNS

from .conftest import ROOT, library_files

FOLDERS = ("figures", "folder", "folders", "private", "subject_folder", "entities", "sidecars")
"""What `RunFiles` has besides names of files."""


@pytest.fixture(scope="module")
def made():
    """Give the module that makes the pages, and all pages by their names."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        module = importlib.import_module("made_pages")
        tables = importlib.import_module("made_tables")
        texts = {name: make() for name, make in module.pages().items()}
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return module, tables, texts


def test_every_option_is_described(made):
    page = made[2]["command_line.md"]
    parser = build_parser()
    options = 0
    for command in COMMANDS:
        section = page.split(f"\n## `mapsmasker {command}`\n")[1].split("\n## ")[0]
        for action in parser_of(parser, command)._actions:
            if action.help != argparse.SUPPRESS:
                named = action.option_strings or [action.metavar or action.dest]
                assert all(f"`{name}" in section for name in named)
                options += 1
    assert options > 100


def test_every_field_of_every_node_is_described(made):
    page = made[2]["interfaces.md"]
    for name in interfaces.__all__:
        kind = getattr(interfaces, name)
        for heading, spec in (("inputs", kind.input_spec), ("outputs", kind.output_spec)):
            section = page.split(f"\n### {name}: {heading}\n")[1].split("\n#")[0]
            fields = {field for field, _ in spec().items()} - {"trait_added", "trait_modified"}
            assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == fields


def test_builders_show_their_graphs(made):
    page = made[2]["builders.md"]
    from nipype_mapsmasker import workflows

    assert all(f"\n## {name}\n" in page for name in workflows.__all__)
    for build in (workflows.init_run_wf, workflows.init_cohort_wf):
        section = page.split(f"\n## {build.__name__}\n")[1].split("\n## ")[0]
        nodes = [node.name for node in build(out_dir="results")._graph.nodes()]
        assert all(f">{name}</text>" in section for name in nodes)
        assert all(f"`{name}`" in section for name in inspect.signature(build).parameters)


def test_every_public_object_is_documented(made):
    module, _, texts = made
    for name in module.PUBLIC:
        for item in importlib.import_module(name).__all__:
            assert re.search(rf"^\.\. \S+ {re.escape(name)}\.{item}$", texts["objects.rst"], re.M)
    documented = "\n".join(texts[f"room_{room}.rst"] for room in module.rooms())
    for path in library_files():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name.startswith("__") or name in module.PUBLIC or path.parent.name == "testing":
            continue
        if path.parent == ROOT / "nipype_mapsmasker" or not importlib.import_module(name).__all__:
            continue
        if path.parent.name not in ("testing",) and f".. automodule:: {name}\n" not in documented:
            pytest.fail(f"{name} is in no page")


def test_every_file_and_column_is_described(made):
    _, tables, texts = made
    page = texts["outputs.md"]
    names = {
        name
        for name, thing in vars(RunFiles).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or isinstance(thing, property | cached_property))
    }
    names -= {*FOLDERS, "run_id", "out_dir"}
    assert set(tables.of_runs()) == names
    for written in (*tables.of_runs().values(), *tables.of_cohorts()):
        assert f"`{written.name}`" in page
    columns = [
        RUN_COLUMNS,
        MAPS_COLUMNS,
        COVERAGE_COLUMNS,
        OUTLIER_COLUMNS,
        QCFC_COLUMNS,
        QC_COLUMNS,
    ]
    assert not [column for kind in columns for column in kind if f"| `{column}` | " not in page]


def test_every_message_is_listed(made):
    _, tables, texts = made
    page = texts["messages.md"]
    assert all(f"| `{name}` | " in page for name in errors.__all__)
    codes = [name for name in exits.__all__ if name.startswith("EXIT")]
    assert all(f"| `{getattr(exits, name)}` | `{name}` | " in page for name in codes)
    kinds = "|".join(errors.__all__)
    texts = [path.read_text() for path in library_files()]
    raised = sum(len(re.findall(rf"^ +raise (?:{kinds})\(msg\)", text, re.M)) for text in texts)
    assert raised > 300
    assert sum(map(len, tables.sentences().values())) == raised


def test_every_tutorial_is_a_page_and_a_script():
    lessons = sorted((ROOT / "docs" / "tutorials").glob("plot_*.py"))
    assert len(lessons) == 8
    index = "\n".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    for path in lessons:
        text = path.read_text()
        ast.parse(text)
        for page in re.findall(r":doc:`/([\w/-]+)`", text):
            is_made = page.startswith(("reference/made/", "lessons/"))
            assert is_made or (ROOT / "docs" / f"{page}.md").is_file()
    for lesson in re.findall(r"/lessons/(plot_\w+)", index):
        assert (ROOT / "docs" / "tutorials" / f"{lesson}.py").is_file()


def test_links_between_documents_lead_somewhere():
    lost = []
    for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        if "made" in path.parts or "lessons" in path.parts:
            continue
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            target = link.partition("#")[0]
            if not target or target.startswith(("http", "/lessons", "mailto")):
                continue
            if not (path.parent / target).exists():
                lost.append(f"{path.name}: {link}")
    assert not lost


def test_every_page_of_the_site_is_reached():
    for folder in ("how-to", "reference", "explanation"):
        index = (ROOT / "docs" / folder / "index.md").read_text().splitlines()
        pages = {path.stem for path in (ROOT / "docs" / folder).glob("*.md")} - {"index"}
        assert pages <= set(index)
