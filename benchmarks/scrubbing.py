# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/figures/scrubbing.png: what misplaced interpolation does to correlations.

Regions with a known correlation matrix; in the volumes that will be censored, a spike common to
all regions, as head motion makes. Both programs get the same sample mask and the same band-pass
filter. The truth is the run as it would have been without spikes: filtered whole, nothing
interpolated, and looked at in the volumes that are kept. So what interpolation itself costs counts
against either program.

Run ``python benchmarks/scrubbing.py`` from the checkout, with the ``test`` extra installed.
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
LOW_PASS, HIGH_PASS = 0.1, 0.01
N_VOLUMES, N_REGIONS, N_RUNS = 240, 24, 60
SPIKE_SD = 8.0
"""Height of the spikes in standard deviations of the regions' signals."""

SHARES = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
SHOWN_SHARE = 0.15
OURS, THEIRS, GREY = "#1b6ca8", "#c8553d", "#8a8a8a"

Array = NDArray[np.float64]


def simulate(rng: np.random.Generator, share: float) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Make (T, K) signals without and with spikes, and flags of the volumes to keep."""
    networks = np.repeat(np.arange(4), N_REGIONS // 4)
    truth = 0.55 * (networks[:, None] == networks) + 0.05 + 0.40 * np.eye(N_REGIONS)
    truth[networks == 0] = np.where(networks == 2, -0.2, truth[networks == 0])
    truth[:, networks == 0] = truth[networks == 0].T
    white = rng.standard_normal((N_VOLUMES + 40, N_REGIONS)) @ np.linalg.cholesky(truth).T
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 1.8) ** 2)
    smooth = np.apply_along_axis(np.convolve, 0, white, kernel, mode="same")[20:-20]
    calm = smooth / smooth.std(axis=0) + 0.3 * rng.standard_normal((N_VOLUMES, N_REGIONS))
    keep = np.ones(N_VOLUMES, dtype=bool)
    while (~keep).sum() < round(share * N_VOLUMES):
        start = rng.integers(2, N_VOLUMES - 5)
        keep[start : start + rng.integers(1, 4)] = False
    height = SPIKE_SD * rng.choice([-1.0, 1.0], (N_VOLUMES, 1)) * rng.uniform(0.5, 1.5, N_REGIONS)
    return calm, np.where(keep[:, None], calm, calm + height), keep


def ours(signals: Array, keep: NDArray[np.bool_]) -> Array:
    """Clean with this package."""
    params = Cleaning(detrend=True, low_pass=LOW_PASS, high_pass=HIGH_PASS, t_r=T_R)
    return clean(signals, params, sample_mask=keep)[0]


def theirs(signals: Array, keep: NDArray[np.bool_]) -> Array:
    """Clean with nilearn."""
    cleaned: Array = nilearn.signal.clean(
        signals.copy(), sample_mask=np.flatnonzero(keep), detrend=True, standardize=None,
        low_pass=LOW_PASS, high_pass=HIGH_PASS, t_r=T_R,
    )  # fmt: skip
    return cleaned


def undisturbed(calm: Array, keep: NDArray[np.bool_]) -> Array:
    """Clean the whole run without spikes, and look at the volumes that are kept."""
    return ours(calm, np.ones(N_VOLUMES, dtype=bool))[keep]


def correlations(signals: Array) -> Array:
    """Give the (K, K) correlation matrix."""
    return np.corrcoef(signals.T)


def errors(rng: np.random.Generator, share: float) -> tuple[float, float]:
    """Give the mean absolute error of both programs' correlations, in one simulated run."""
    calm, spiked, keep = simulate(rng, share)
    truth = correlations(undisturbed(calm, keep))
    pairs = np.triu_indices(N_REGIONS, k=1)
    found = [
        float(np.abs(correlations(program(spiked, keep)) - truth)[pairs].mean())
        for program in (ours, theirs)
    ]
    return found[0], found[1]


def draw(path: Path, table: Array, seed: int) -> None:
    """Draw one run's signal and matrices, and the errors over all runs."""
    calm, spiked, keep = simulate(np.random.default_rng(seed), SHOWN_SHARE)
    good, bad = ours(spiked, keep), theirs(spiked, keep)
    truth = undisturbed(calm, keep)
    raw = ~keep & ~keep[::-1]
    mpl.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    figure = plt.figure(figsize=(9.6, 6.6), layout="constrained")
    rows = figure.subfigures(2, 1, height_ratios=[1, 1.25])
    axes = rows[0].subplots()
    minutes = np.arange(N_VOLUMES) * T_R / 60
    axes.vlines(minutes[~keep & ~raw], -3.6, -3.1, color=GREY, lw=1.2)
    axes.vlines(minutes[raw], -3.6, -3.1, color=THEIRS, lw=2)
    lines = [
        (truth, "without spikes", {"color": "black", "lw": 2.6, "alpha": 0.35}),
        (bad, "nilearn 0.14.1", {"color": THEIRS, "lw": 1.2}),
        (good, "nipype_mapsmasker", {"color": OURS, "lw": 1.2}),
    ]
    for values, label, style in lines:
        shown = np.full(N_VOLUMES, np.nan)
        shown[keep] = values[:, 0]
        axes.plot(minutes, shown, label=label, **style)
    axes.set(xlim=(0, minutes[-1]), xlabel="Time (minutes)", ylabel="Signal (SD)")
    axes.set_title(
        f"One region, {SHOWN_SHARE:.0%} of the volumes censored (ticks below; red: their mirror "
        "image is censored too)", loc="left", fontsize=9.5,
    )  # fmt: skip
    axes.legend(ncols=3, frameon=False, loc="upper right", fontsize=8.5)
    axes.set_ylim(-3.8, max(3.5, 1.25 * np.nanmax(np.abs(bad[:, 0]))))
    panels = rows[1].subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    matrices = [("Truth", truth), ("nipype_mapsmasker", good), ("nilearn 0.14.1", bad)]
    for panel, (title, values) in zip(panels[:3], matrices, strict=True):
        image = panel.imshow(correlations(values), vmin=-1, vmax=1, cmap="RdBu_r")
        panel.set_title(title, fontsize=9.5)
        panel.set(xticks=[], yticks=[], xlabel=f"{N_REGIONS} regions")
        panel.spines[:].set_visible(False)
    rows[1].colorbar(image, ax=panels[:3], location="bottom", shrink=0.5, aspect=30,
                     label="Correlation")  # fmt: skip
    percent = 100 * np.array(SHARES)
    for k, (label, colour) in enumerate([("nipype_mapsmasker", OURS), ("nilearn 0.14.1", THEIRS)]):
        middle = np.median(table[:, :, k], axis=1)
        low, high = np.percentile(table[:, :, k], [10, 90], axis=1)
        panels[3].fill_between(percent, low, high, color=colour, alpha=0.2, lw=0)
        panels[3].plot(percent, middle, color=colour, marker="o", ms=3.5)
        panels[3].annotate(
            label, (percent[-1], middle[-1]), xytext=(0, 8), ha="right", color=colour,
            textcoords="offset points", fontsize=8.5,
        )  # fmt: skip
    panels[3].set(xlabel="Volumes censored (%)", ylim=(-0.005, None), xlim=(4, 31))
    panels[3].set_title(f"Mean |error| of correlations, {N_RUNS} runs", fontsize=9.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Simulate and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "scrubbing.png")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    mpl.use("Agg")
    rng = np.random.default_rng(5)
    table = np.array([[errors(rng, share) for _ in range(N_RUNS)] for share in SHARES])
    print("censored\tours\tnilearn\t(median of the mean absolute error of correlations)")
    for share, both in zip(SHARES, np.median(table, axis=1), strict=True):
        print(f"{share:.0%}\t{both[0]:.4f}\t{both[1]:.4f}")
    draw(options.out, table, seed=11)


if __name__ == "__main__":
    main()
