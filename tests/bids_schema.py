# SPDX-License-Identifier: Apache-2.0
"""
The validator's schema with the names of BIDS's drafts, and the validator itself.

BEP012 (``timeseries``) and BEP017 (``relmat``, ``stat-``) are in no released BIDS: without their
rules a validator that ignores these names says nothing of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["Verdict", "description_faults", "validate", "write_draft_schema"]

RELMAT_FIELDS = {
    "RelationshipMeasure": "string",
    "Weighted": "boolean",
    "Directed": "boolean",
    "ValidDiagonal": "boolean",
}
"""Fields that BEP017 asks for, and their types."""

# With single quotes the validator never applies a rule of sidecars, and says nothing.
DERIVATIVES = 'dataset.dataset_description.DatasetType == "derivative"'


@dataclass(frozen=True)
class Verdict:
    """
    Hold what the validator says.

    Parameters
    ----------
    errors, warnings : list of str
        Codes and places.
    n_files : int
        Number of files that were looked at.
    """

    errors: list[str]
    warnings: list[str]
    n_files: int


def description_faults(folder: Path) -> list[str]:
    """
    Say what `dataset_description.json` of derivatives lacks, by BIDS's schema.

    The validator lets a description without Name and GeneratedBy pass.
    """
    path = folder / "dataset_description.json"
    description = json.loads(path.read_text())
    schema = _schema()
    groups = schema["rules"]["json"]["dataset"]
    fields = groups["dataset_description"]["fields"] | groups["derivative_description"]["fields"]
    faults = [
        f"{name} is missing"
        for name, level in fields.items()
        if level == "required" and name not in description
    ]
    metadata = schema["objects"]["metadata"]
    for name in fields.keys() & description.keys():
        faults += _mismatches(name, description[name], metadata[name])
    if description.get("DatasetType") != "derivative":
        faults.append("DatasetType is not derivative")
    return faults


def write_draft_schema(path: Path) -> Path:
    """Write BIDS's schema with the names of the drafts."""
    schema = _schema()
    rules, objects = schema["rules"], schema["objects"]
    objects["entities"]["statistic"] = {
        "name": "stat",
        "display_name": "Statistic",
        "description": "Draft.",
        "type": "string",
        "format": "label",
    }
    rules["entities"].insert(rules["entities"].index("description"), "statistic")
    imaging = rules["files"]["deriv"]["imaging"]
    optional = dict.fromkeys(["atlas", "segmentation", "scale", "cohort", "density"], "optional")
    entities = {**imaging["func_volumetric"]["entities"], **optional}
    needed = {"statistic": "required", "atlas": "required"}
    for suffix, extensions, more in (
        ("timeseries", [".tsv", ".json"], {}),
        ("relmat", [".tsv", ".json"], needed),
        ("statmap", [".nii.gz", ".json"], needed),
        ("outliers", [".tsv", ".json"], {}),
    ):
        _name(objects["suffixes"], suffix, {"value": suffix})
        imaging[f"draft_{suffix}"] = {
            "selectors": [DERIVATIVES],
            "suffixes": [suffix],
            "extensions": extensions,
            "datatypes": ["func"],
            "entities": {**entities, **more},
        }
    for name, kind in RELMAT_FIELDS.items():
        _name(objects["metadata"], name, {"name": name, "type": kind})
    sidecars = rules["sidecars"].setdefault("derivatives", {})
    sidecars["draft_timeseries"] = _fields("timeseries", ["SamplingFrequency"])
    sidecars["draft_relmat"] = _fields("relmat", list(RELMAT_FIELDS))
    path.write_text(json.dumps(schema))
    return path


def validate(folder: Path, schema: Path | None = None) -> Verdict:
    """Run the validator on a folder, without the network."""
    words = [str(Path(sys.executable).with_name("bids-validator-deno")), str(folder)]
    words += ["--format", "json_pp", "-v"]
    words += [] if schema is None else ["--schema", schema.absolute().as_uri()]
    told = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    content: dict[str, Any] = json.loads(told.stdout)
    found: dict[str, list[str]] = {"error": [], "warning": []}
    for issue in content["issues"]["issues"]:
        text = f"{issue['code']} {issue.get('subCode', '')} {issue.get('location', '')}"
        found.setdefault(issue["severity"], []).append(text)
    return Verdict(found["error"], found["warning"], content["summary"]["totalFiles"])


def _schema() -> dict[str, Any]:
    """Read the schema of the released BIDS."""
    return json.loads((files("bidsschematools") / "data" / "schema.json").read_text())


TYPES = {"string": str, "array": list, "object": dict, "number": (int, float), "boolean": bool}
"""Python's types by the schema's words."""


def _mismatches(name: str, value: Any, rule: dict[str, Any]) -> list[str]:
    """Compare a value with the part of JSON schema that descriptions of datasets need."""
    kind = rule.get("type")
    if kind in TYPES and not isinstance(value, TYPES[kind]):
        return [f"{name} is no {kind}"]
    if "enum" in rule and value not in rule["enum"]:
        return [f"{name} is none of {rule['enum']}"]
    if kind == "array":
        faults = [f"{name} is empty"] if len(value) < rule.get("minItems", 0) else []
        items = rule.get("items", {})
        return faults + [text for one in value for text in _mismatches(name, one, items)]
    if kind == "object":
        faults = [f"{name} has no {key}" for key in rule.get("required", ()) if key not in value]
        rules = rule.get("properties", {})
        other = rule.get("additionalProperties", {})
        for key, one in value.items():
            faults += _mismatches(f"{name}.{key}", one, rules.get(key, other))
        return faults
    return []


def _name(objects: dict[str, Any], name: str, fields: dict[str, Any]) -> None:
    """Add an object that the schema does not know, unless it does."""
    objects.setdefault(name, {**fields, "display_name": name, "description": "Draft."})


def _fields(suffix: str, names: list[str]) -> dict[str, Any]:
    """Make the rule of the fields that a suffix needs."""
    return {
        suffix.title(): {
            "selectors": [DERIVATIVES, f'suffix == "{suffix}"'],
            "fields": dict.fromkeys(names, "required"),
        }
    }
