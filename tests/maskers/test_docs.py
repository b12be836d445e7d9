# SPDX-License-Identifier: Apache-2.0
"""docs/reference/maskers.md names every parameter, attribute and method of the reference."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_maskers", ROOT / "docs/write_maskers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_complete(script):
    page = (ROOT / "docs" / "reference" / "maskers.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\w+) \| `(\w+)` \| .+ \| (\S.*) \|$", page, re.M)
    wanted = script.names_of_the_reference()
    assert {kind: len(names) for kind, names in wanted.items()} == {
        "Parameter": 21, "Attribute": 5, "Method": 15,
    }  # fmt: skip
    # The reference page has **kwargs, which nilearn 0.14.1 has no more.
    found = [(kind, name) for kind, name, _ in listed if name != "kwargs"]
    assert len(found) == len(listed) - 1
    assert found == [(kind.lower(), name) for kind, names in wanted.items() for name in names]


def test_the_results_are_equal_or_rounding():
    page = (ROOT / "docs" / "reference" / "maskers.md").read_text(encoding="utf-8")
    results = re.findall(r"^\| \w+ \| `\w+` \| .+ \| (\S.*) \|$", page, re.M)
    for result in results:
        assert result == "yes" or float(result.split()[0]) < 1e-9
