# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/figures/trend.png: what a line over rows leaves of drifts where volumes are censored.

Two regions that have nothing in common but that both drift. Volumes are censored in bursts, as
head motion comes, in the second half of the run. A line over the rows that are left is bent in
time at every burst, and what it leaves of both drifts is alike; a line over volume numbers leaves
nothing.

Run ``python benchmarks/trend.py`` from the checkout, with the ``test`` extra installed.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import matplotlib as mpl  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import nilearn.signal  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from nipype_mapsmasker.core.cleaning import Cleaning, clean  # noqa: E402

T_R = 2.0
N_VOLUMES, N_RUNS = 240, 200
DRIFT_SD = 20.0
"""How far a region drifts over the run, in standard deviations of what does not drift."""

SHARES = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
SHOWN_SHARE = 0.20
OURS, THEIRS, GREY = "#1b6ca8", "#c8553d", "#8a8a8a"

Array = NDArray[np.float64]


def simulate(rng: np.random.Generator, share: float) -> tuple[Array, NDArray[np.bool_]]:
    """Make (T, 2) independent signals that drift, and flags of the volumes to keep."""
    drift = np.linspace(-0.5, 0.5, N_VOLUMES)[:, None] * DRIFT_SD
    signals = rng.standard_normal((N_VOLUMES, 2)) + drift * rng.uniform(0.5, 1.0, 2)
    keep = np.ones(N_VOLUMES, dtype=bool)
    while (~keep).sum() < round(share * N_VOLUMES):
        start = rng.integers(N_VOLUMES // 2, N_VOLUMES - 12)
        keep[start : start + rng.integers(3, 12)] = False
    return signals, keep


def ours(signals: Array, keep: NDArray[np.bool_]) -> Array:
    """Clean with this package."""
    return clean(signals, Cleaning(detrend=True, filter=None), sample_mask=keep)[0]


def theirs(signals: Array, keep: NDArray[np.bool_]) -> Array:
    """Clean with nilearn."""
    cleaned: Array = nilearn.signal.clean(
        signals.copy(), sample_mask=np.flatnonzero(keep), detrend=True, standardize=None,
        filter=False,
    )  # fmt: skip
    return cleaned


def results(rng: np.random.Generator, share: float) -> list[tuple[float, float]]:
    """Give, for ours and theirs, the correlation of the two, and the distance from the truth."""
    signals, keep = simulate(rng, share)
    line = np.stack([np.ones(N_VOLUMES), np.arange(N_VOLUMES)], axis=1)[keep]
    truth = signals[keep] - line @ np.linalg.lstsq(line, signals[keep], rcond=None)[0]
    found = []
    for program in (ours, theirs):
        cleaned = program(signals, keep)
        gap = (np.abs(cleaned - truth) / truth.std(axis=0)).max()
        found.append((float(np.corrcoef(cleaned.T)[0, 1]), float(gap)))
    return found


def draw(path: Path, table: Array, seed: int) -> None:
    """Draw one run, and the correlations over all runs."""
    signals, keep = simulate(np.random.default_rng(seed), SHOWN_SHARE)
    mpl.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    figure, panels = plt.subplots(
        1, 2, figsize=(9.6, 3.4), layout="constrained", width_ratios=[1.5, 1]
    )
    minutes = np.arange(N_VOLUMES) * T_R / 60
    low = -4.6
    panels[0].vlines(minutes[~keep], low, low + 0.5, color=GREY, lw=1.2)
    for program, label, colour in (
        (theirs, "line over rows (nilearn 0.14.1)", THEIRS),
        (ours, "line in time (nipype_mapsmasker)", OURS),
    ):
        shown = np.full(N_VOLUMES, np.nan)
        shown[keep] = program(signals, keep)[:, 0]
        panels[0].plot(minutes, shown, color=colour, lw=1.2, label=label)
    panels[0].set(xlim=(0, minutes[-1]), ylim=(low, 6.4))
    panels[0].set(xlabel="Time (minutes)", ylabel="Signal (SD of the noise)")
    panels[0].set_title(
        f"One region after detrending, {SHOWN_SHARE:.0%} of the volumes censored (ticks)",
        loc="left", fontsize=9.5,
    )  # fmt: skip
    panels[0].legend(ncols=2, frameon=False, loc="upper center", fontsize=8.5)
    percent = 100 * np.array(SHARES)
    for k, (label, colour) in enumerate([("in time", OURS), ("over rows", THEIRS)]):
        size = np.abs(table[:, :, k, 0])
        middle = np.median(size, axis=1)
        low_end, high_end = np.percentile(size, [10, 90], axis=1)
        panels[1].fill_between(percent, low_end, high_end, color=colour, alpha=0.2, lw=0)
        panels[1].plot(percent, middle, color=colour, marker="o", ms=3.5)
        panels[1].annotate(
            label, (percent[-1], middle[-1]), xytext=(0, 7), ha="right", color=colour,
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    panels[1].set(xlabel="Volumes censored (%)", ylim=(0, None), xlim=(4, 31))
    panels[1].set_title(
        f"|Correlation| of two independent regions, {N_RUNS} runs", loc="left", fontsize=9.5
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Simulate and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "trend.png")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    mpl.use("Agg")
    rng = np.random.default_rng(5)
    table = np.array([[results(rng, share) for _ in range(N_RUNS)] for share in SHARES])
    print("censored\t|r| ours\t|r| nilearn\tlargest\tdistance of nilearn's signals (SD)\tlargest")
    for share, runs in zip(SHARES, table, strict=True):
        middle, most = np.median(np.abs(runs), axis=0), np.abs(runs).max(axis=0)
        print(
            f"{share:.0%}\t{middle[0, 0]:.3f}\t{middle[1, 0]:.3f}\t{most[1, 0]:.2f}\t"
            f"{middle[1, 1]:.2f}\t{most[1, 1]:.2f}\t(ours {most[0, 1]:.0e})"
        )
    draw(options.out, table, seed=8)


if __name__ == "__main__":
    main()
