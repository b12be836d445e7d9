# SPDX-License-Identifier: Apache-2.0
"""Reference pages of nodes, result files and messages, for `made_pages`."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from made_pages import PACKAGE, code, plain, table
from nipype.interfaces.base import isdefined

from nipype_mapsmasker import errors
from nipype_mapsmasker.cli import main as exits
from nipype_mapsmasker.io.results.analyses import OUTLIER_COLUMNS
from nipype_mapsmasker.io.results.cohort import MAPS_COLUMNS, RUN_COLUMNS
from nipype_mapsmasker.io.results.descriptions import COVERAGE_COLUMNS
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.tidy import LABELS
from nipype_mapsmasker.reports.qc import qc_description
from nipype_mapsmasker.steps.cohort_matrices import QCFC_COLUMNS
from nipype_mapsmasker.steps.extract import FIT_QUALITY_COLUMNS

SOURCE = "sub-01_task-rest_space-MNI152NLin2009cAsym_res-2"
"""The run whose files are named in the page."""


def field_rows(spec: Any) -> list[tuple[str, str, str, str]]:
    """Give the rows of the fields of a spec: name, need, default, sentence."""
    rows = []
    for name, trait in sorted(spec.items()):
        if name in ("trait_added", "trait_modified"):
            continue
        default = getattr(spec, name)
        shown = code(repr(default)) if isdefined(default) and default != [] else ""
        need = "needed" if trait.mandatory else ""
        rows.append((code(name), need, shown, plain(trait.desc or "")))
    # What has to be given comes first.
    return sorted(rows, key=lambda row: (not row[1], row[0]))


def nodes() -> str:
    """Write the page of nodes: every input and output."""
    package = importlib.import_module("nipype_mapsmasker.interfaces")
    text = "# Nodes\n\nEvery interface with its inputs and outputs; they stand alone, too.\n"
    for name in package.__all__:
        kind = getattr(package, name)
        words = inspect.getdoc(kind) or ""
        prose = words.split("\nExamples\n")[0].strip()
        text += f"\n## {name}\n\n{plain(prose)}\n\n### {name}: inputs\n\n"
        text += table(("input", "", "default", "what"), field_rows(kind.input_spec()))
        outputs = [
            (code(field), plain(trait.desc or ""))
            for field, trait in sorted(kind.output_spec().items())
            if field not in ("trait_added", "trait_modified")
        ]
        text += f"\n### {name}: outputs\n\n" + table(("output", "what"), outputs)
    return text


@dataclass(frozen=True)
class Written:
    """Describe a result file: its name, what it is, and its columns."""

    name: str
    what: str
    columns: Mapping[str, Any] = field(default_factory=dict)


def of_runs() -> dict[str, Written]:
    """Describe the files of a run, by the name of what composes their path in `RunFiles`."""
    files = run_files("results", SOURCE)
    signals = {"<name of a map>": "Signal of that map; one column per map, one row per volume."}
    made = {
        "timeseries": Written("A, S", "cleaned signals", signals),
        "sidecar": Written("A, S", "every parameter, volumes kept, versions, checksums"),
        "raw": Written("A", "signals before cleaning, all volumes", signals),
        "raw_sidecar": Written("A", "describes them"),
        "coverage": Written("A", "how much of each map the run has", COVERAGE_COLUMNS),
        "coverage_sidecar": Written("A", "describes its columns"),
        "outliers": Written("S", "every volume: kept or not, and why", OUTLIER_COLUMNS),
        "relmat": Written(
            "pearson, A, S",
            "matrix of the measure, with `--connectivity`; beside it a JSON",
            {"Node": "Name of the row's map.", **signals},
        ),
        "statmap": Written("z, A, S", "maps of a dual regression, one volume per map"),
        "regressors": Written("S", "what a strategy chose to regress, for `mapsmasker verify`"),
        "mean": Written("", "mean image"),
        "mean_sidecar": Written("", "describes it"),
        "reconstruction": Written("A, S", "image of the cleaned signals, `--inverse-transform`"),
        "reconstruction_sidecar": Written("A, S", "describes it"),
        "report": Written("A, S", "the run's page"),
        "log": Written("", "the traceback of a run that failed, wholly or in part"),
        "manifest": Written("", "what the results depend on, and checksums"),
        "fit_quality": Written("A", "quality of the spatial fit per volume", FIT_QUALITY_COLUMNS),
        "reportdata": Written("A, S", "what the page needs and no other file holds"),
    }
    described = {}
    for name, written in made.items():
        part = getattr(files, name)
        given = [word for word in written.name.split(", ") if word]
        path = part(*given) if given else part
        described[name] = Written(path.as_posix(), written.what, written.columns)
    return described


def of_cohorts() -> list[Written]:
    """Describe the files that are of all runs."""
    tidy = dict.fromkeys(LABELS, "What the row belongs to.")
    value = {"value": "The number."}
    volumes = {"volume": "Number of the volume, from 0.", "region": "Name of the map."}
    pairs = {"measure": "The measure.", "region_1": "Name of a map.", "region_2": "And another's."}
    return [
        Written("results/report.html", "the cohort's page"),
        Written("results/runs.tsv", "one row per run", RUN_COLUMNS),
        Written("results/qc.tsv", "measures and verdicts, described in qc.json", qc_description()),
        Written("results/qc.json", "describes the columns of qc.tsv, with all thresholds"),
        Written("results/atlas-A_maps.tsv", "the maps of the atlas", MAPS_COLUMNS),
        Written("results/atlas-A_description.json", "names and source of the maps"),
        Written("results/dataset_description.json", "datasets, versions, command"),
        Written("results/README.md", "what the folder holds; one of your own is left alone"),
        Written("results/.bidsignore", "names that released BIDS does not know"),
        Written("results/logs/nipype.log", "Nipype's log"),
        Written("results/logs/CITATION.md", "methods text and references, to copy"),
        Written(
            "results/group_timeseries.parquet", "`mapsmasker group`", {**tidy, **volumes, **value}
        ),
        Written("results/group_relmat.parquet", "likewise", {**tidy, **pairs, **value}),
        Written("results/group_qcfc.tsv", "strategies compared", QCFC_COLUMNS),
        Written("results/group_qcfc.json", "describes its columns, and the options"),
        Written("results/group_qcfc.svg", "the same as a figure"),
        Written(
            "results/group/atlas-A_stat-meanpearson_desc-S_relmat.tsv",
            "mean over subjects; `stat-subjectshare` and `stat-geometricmean` beside it",
            {"Node": "Name of the row's map.", "<name of a map>": "The value."},
        ),
    ]


def outputs() -> str:
    """Write the page of result files and columns."""
    text = (
        "# Result files\n\nOf atlas `A` and strategy `S`, for a run that is called "
        f"`{SOURCE}`. Without strategies by name `desc-S` is absent.\n"
    )
    for title, files in (("A run's", [*of_runs().values()]), ("The cohort's", of_cohorts())):
        text += f"\n## {title}\n"
        for written in files:
            text += f"\n### `{Path(written.name).name}`\n\n"
            text += f"{written.what[:1].upper()}{written.what[1:]}.\n\n`{written.name}`\n"
            if written.columns:
                rows = [(code(name), _meaning(what)) for name, what in written.columns.items()]
                text += "\n" + table(("column", "what"), rows)
    return text


def _meaning(what: Any) -> str:
    """Put a column's description into one cell."""
    if isinstance(what, str):
        return plain(what)
    text = plain(str(what.get("Description", "")))
    if units := what.get("Units"):
        text += f" ({plain(str(units))})"
    if levels := what.get("Levels"):
        text += " " + "; ".join(f"{code(level)}: {plain(is_)}" for level, is_ in levels.items())
    return text


def sentences() -> dict[str, list[tuple[str, str]]]:
    """List every sentence of the code's own faults, by exception: module and words."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for block in ast.walk(tree):
            body = getattr(block, "body", None)
            for statements in (body, getattr(block, "orelse", None)):
                if isinstance(statements, list):
                    for kind, words in _raised(statements):
                        found[kind].append((module, words))
    return dict(found)


def _raised(statements: list[ast.stmt]) -> list[tuple[str, str]]:
    """Find ``msg = ...`` with the ``raise X(msg)`` after it."""
    pairs, words = [], ""
    for one in statements:
        if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == "msg":
            words = _template(one.value)
        called = one.exc if isinstance(one, ast.Raise) else None
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and words:
            if called.func.id in errors.__all__:
                pairs.append((called.func.id, words))
            words = ""
    return pairs


def _template(value: ast.expr) -> str:
    """Give a sentence with dots for what differs from time to time."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(_template(part) for part in value.values)
    if isinstance(value, ast.BinOp):
        return _template(value.left) + _template(value.right)
    return "…"


def messages() -> str:
    """Write the page of messages: exit codes, kinds of faults, and each sentence."""
    text = "# Messages\n\n## Exit codes\n\n"
    rows = [(code(getattr(exits, n)), code(n), _said_of(n)) for n in exits.__all__ if n[0] == "E"]
    text += table(("code", "name", "meaning"), rows)
    text += (
        "\n## Kinds of faults\n\nEach is also the built-in exception that a caller expects. A "
        "`DataFault` of one run costs that run; the others stop the call.\n\n"
    )
    kinds = [getattr(errors, name) for name in errors.__all__]
    text += table(
        ("exception", "is also", "when"),
        [
            (
                code(kind.__name__),
                ", ".join(code(base.__name__) for base in kind.__bases__),
                plain(inspect.getdoc(kind) or ""),
            )
            for kind in kinds
        ],
    )
    text += "\n## Sentences\n\nDots stand for what differs: names, numbers, files.\n"
    for kind, said in sorted(sentences().items()):
        text += f"\n### {kind}\n\n"
        text += table(("where", "sentence"), [(code(m), plain(w)) for m, w in said])
    return text


def _said_of(name: str) -> str:
    """Give the sentence below a constant of the command's module."""
    body = ast.parse(inspect.getsource(exits)).body
    for one, after in pairwise(body):
        if isinstance(one, ast.Assign) and one.targets[0].id == name:  # type: ignore[attr-defined]
            return plain(after.value.value)  # type: ignore[attr-defined]
    return ""
