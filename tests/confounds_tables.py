# SPDX-License-Identifier: Apache-2.0
"""Made-up tables of confounds of three generations of fMRIPrep, each with its JSON."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
N_VOLUMES, N_DUMMIES = 140, 2
STYLES = ("20", "22", "25")
STEM = "sub-01_task-rest"


def expand(name: str, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    change = np.concatenate([[np.nan], np.diff(values)])
    return {
        name: values,
        f"{name}_derivative1": change,
        f"{name}_power2": values**2,
        f"{name}_derivative1_power2": change**2,
    }


def components(style: str, rng: np.random.Generator) -> dict[str, dict[str, object]]:
    """The metadata of CompCor: which component belongs to which mask, dropped ones included."""
    said: dict[str, dict[str, object]] = {}
    sizes = {"combined": ("a", 12), "CSF": ("c", 7), "WM": ("w", 9)}
    number = dropped = 0
    for mask, (letter, count) in sizes.items():
        explained = -np.sort(-rng.uniform(0.01, 0.1, count + 4))
        for at, share in enumerate(explained):
            kept = at < count
            name = f"{letter}_comp_cor_{at:02d}" if style != "20" else f"a_comp_cor_{number:02d}"
            number += kept
            if not kept:
                name, dropped = f"dropped_{dropped}", dropped + 1
            said[name] = {
                "Mask": mask,
                "Method": "aCompCor",
                "Retained": kept,
                "VarianceExplained": float(share),
                "CumulativeVarianceExplained": float(explained[: at + 1].sum()),
                "SingularValue": float(np.sqrt(share)),
            }
    for at in range(6):
        said[f"t_comp_cor_{at:02d}"] = {
            "Method": "tCompCor",
            "Retained": True,
            "VarianceExplained": 0.2 / (at + 1),
        }
    for name in ("csf", "white_matter", "global_signal"):
        said[name] = {"Method": "Mean"}
    return said


def table(
    style: str = "25", seed: int = 0, n_volumes: int = N_VOLUMES, n_dummies: int = N_DUMMIES
) -> tuple[dict[str, NDArray[np.float64]], dict[str, dict[str, object]]]:
    """One run: columns in fMRIPrep's order of families, and the metadata of its JSON."""
    rng = np.random.default_rng([seed, int(style)])
    columns: dict[str, NDArray[np.float64]] = {}
    for name in ("global_signal", "csf", "white_matter"):
        columns |= expand(name, 1e4 + 100 * rng.standard_normal(n_volumes))
    motion = np.cumsum(0.03 * rng.standard_normal((n_volumes, 6)), axis=0)
    jumps = rng.choice(np.arange(5, n_volumes), 12, replace=False)
    displacement = np.abs(0.1 * rng.standard_normal(n_volumes))
    displacement[jumps[:8]] += 0.4 * np.arange(1, 9) / 4
    displacement[0] = np.nan
    dvars = 1 + 0.1 * rng.standard_normal(n_volumes)
    dvars[jumps[4:]] += 0.7
    dvars[0] = np.nan
    columns |= {"std_dvars": dvars, "dvars": dvars * 20, "framewise_displacement": displacement}
    said = components(style, rng)
    for name in said:
        if "comp_cor" in name:
            columns[name] = rng.standard_normal(n_volumes)
            columns[name][:n_dummies] = 0
    time = np.arange(n_volumes)
    for order in range(1, 5):
        columns[f"cosine{order - 1:02d}"] = np.cos(np.pi * (time + 0.5) * order / n_volumes)
    for at in range(n_dummies):
        columns[f"non_steady_state_outlier{at:02d}"] = (time == at).astype(float)
    for name, values in zip(MOTION, motion.T, strict=True):
        columns |= expand(name, values)
    for at, volume in enumerate(sorted(jumps)):
        columns[f"motion_outlier{at:02d}"] = (time == volume).astype(float)
    if style == "20":
        for at in range(3):
            columns[f"aroma_motion_{at + 1:02d}"] = rng.standard_normal(n_volumes)
    return columns, dict(sorted(said.items()))


def write_table(path: Path, columns: dict[str, NDArray[np.float64]]) -> Path:
    rows = ["\t".join(columns)]
    rows += [
        "\t".join("n/a" if np.isnan(cell) else repr(float(cell)) for cell in cells)
        for cells in zip(*columns.values(), strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


def write_run(folder: Path, style: str = "25", seed: int = 0, **changes: object) -> Path:
    """Write a run's table and JSON; give the table. A change of None drops a column."""
    columns, said = table(style, seed)
    for name, values in changes.items():
        if values is None:
            del columns[name]
        else:
            columns[name] = np.asarray(values, dtype=float)
    path = write_table(folder / f"{STEM}_desc-confounds_timeseries.tsv", columns)
    path.with_suffix(".json").write_text(json.dumps(said))
    return path
