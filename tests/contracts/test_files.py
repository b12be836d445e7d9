# SPDX-License-Identifier: Apache-2.0
"""House rules on files: first line, length, public names, no print, no path of a machine."""

import ast
import re

MAX_LINES = 400
"""Longest Python file; a file has one subject."""

MACHINE_PATH = re.compile(rb"(?<![\w.:/~-])/(?:home|root|Users|work)/[\w.]")
"""A path that exists on one machine only."""


def test_first_line_is_the_licence(python_file):
    with python_file.open() as stream:
        assert stream.readline() == "# SPDX-License-Identifier: Apache-2.0\n"


def test_is_not_too_long(python_file):
    n_lines = len(python_file.read_text().splitlines())
    assert n_lines <= MAX_LINES, f"{python_file.name} has {n_lines} lines; limit {MAX_LINES}"


def test_all_names_what_is_public(library_file):
    """Ruff sorts the list (RUF022); here it is compared with what the module defines."""
    tree = ast.parse(library_file.read_text())
    listed = _listed_names(tree)
    assert listed is not None, "the module has no __all__"
    assert len(set(listed)) == len(listed)
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    if library_file.name == "__init__.py":
        defined |= {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module.startswith("nipype_mapsmasker")
            for alias in node.names
            if not (alias.asname or alias.name).startswith("_")
        }
    forgotten = {name for name in defined - set(listed) if name != "__getattr__"}
    assert not forgotten, f"public, yet not in __all__: {sorted(forgotten)}"


def test_does_not_print(library_file):
    """Only results go to stdout, and only the command line has results."""
    if "cli" in library_file.parts:
        return
    calls = [
        node.lineno
        for node in ast.walk(ast.parse(library_file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert not calls, f"print() in lines {calls}"


def test_names_no_path_of_a_machine(tracked_file):
    found = MACHINE_PATH.findall(tracked_file.read_bytes())
    assert not found, f"{tracked_file.name} names {found}"


def _listed_names(tree):
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            return ast.literal_eval(node.value)
    return None
