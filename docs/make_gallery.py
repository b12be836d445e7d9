# SPDX-License-Identifier: Apache-2.0
"""
Draw the gallery's figures from seeded numbers: ``python docs/make_gallery.py``.

The thresholds in ``docs/explanation/pages.md`` are written from the code's constants, too.

Each function of `EXAMPLES` is shown in ``docs/how-to/gallery.md`` as it stands here, so that page
and picture cannot drift apart.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nipype_mapsmasker.core.cleaning import Cleaning, clean
from nipype_mapsmasker.core.cuts import collect_cuts
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.figures import (
    figure_carpet,
    figure_confounds,
    figure_correlation,
    figure_coverage,
    figure_coverage_heat,
    figure_distribution,
    figure_fit,
    figure_glance,
    figure_map,
    figure_measures,
    figure_spectra,
    figure_spread,
    figure_strategies,
)
from nipype_mapsmasker.reports.figures.style import save_figure
from nipype_mapsmasker.reports.measures import correlation_matrix
from nipype_mapsmasker.reports.ordering import clustered_order
from nipype_mapsmasker.reports.outliers import find_outliers
from nipype_mapsmasker.reports.results import CohortResults, RunResults
from nipype_mapsmasker.reports.verdict import thresholds

__all__ = ["EXAMPLES", "main"]

Array = NDArray[np.float64]

HERE = Path(__file__).parent
PAGE = HERE / "how-to" / "gallery.md"
THRESHOLDS_PAGE = HERE / "explanation" / "pages.md"
PICTURES = HERE / "figures" / "gallery"

START, END = "<!-- thresholds -->", "<!-- end of thresholds -->"
"""Marks in the page, between which the thresholds stand."""

GALLERY_DPI = 76
"""Pixels per inch of the gallery's pictures."""

INTRODUCTION = """# Gallery of figures

For notebooks and papers, what the [pages](../explanation/pages.md) show can be drawn by pure
functions of arrays that return a matplotlib figure: nothing is read from disk, no global setting
is changed, no window is opened. In a notebook (after `%matplotlib inline`) the figure shows
itself; `figure.savefig("name.png")` writes it. `mapsmasker figures OUT --format svg` draws those
of a whole result folder; the pages themselves do not need matplotlib.

The examples share these numbers (`docs/make_gallery.py` draws them all):

```python
{numbers}```
"""

IMPORTS = "import numpy as np\n\nfrom nipype_mapsmasker.core.cleaning import Cleaning, clean\n\n"

RNG = np.random.default_rng(0)
T_R, N_VOLUMES, N_MAPS = 2.0, 200, 12
NAMES = [f"Network {number:02d}" for number in range(1, N_MAPS + 1)]
KEEP = np.ones(N_VOLUMES, dtype=bool)
KEEP[[40, 41, 120, 121, 122]] = False
MOTION = np.abs(RNG.normal(0.12, 0.05, N_VOLUMES)) + 0.8 * ~KEEP
CONFOUNDS = np.cumsum(RNG.standard_normal((N_VOLUMES, 5)), axis=0)
CONFOUND_NAMES = ["trans_x", "trans_y", "trans_z", "csf", "white_matter"]
SOURCES = np.convolve(RNG.standard_normal(3 * N_VOLUMES), np.hanning(9), "same").reshape(3, -1).T
MIXING = np.eye(3)[:, np.arange(N_MAPS) % 3] * RNG.uniform(0.5, 1.0, N_MAPS)
RAW = 800 + SOURCES @ MIXING + 0.5 * RNG.standard_normal((N_VOLUMES, N_MAPS))
RAW += CONFOUNDS @ RNG.normal(0, 0.1, (5, N_MAPS))
CLEANING = Cleaning(detrend=True, high_pass=0.01, low_pass=0.1, t_r=T_R)
CLEANED, _ = clean(RAW, CLEANING, confounds=CONFOUNDS, sample_mask=KEEP)
COVERAGE = np.append(RNG.uniform(0.9, 1.0, N_MAPS - 2), [0.3, 0.02])
# end of the numbers


def carpet() -> Figure:
    """All signals over time, before and after cleaning."""
    return figure_carpet(RAW, CLEANED, KEEP, t_r=T_R, names=NAMES, motion=MOTION)


def spectra() -> Figure:
    """Spectra, in spite of censored volumes."""
    return figure_spectra(RAW, CLEANED, KEEP, t_r=T_R, high_pass=0.01, low_pass=0.1)


def confounds() -> Figure:
    """How strongly signals and confounds correlate, before and after cleaning."""
    return figure_confounds(RAW, CLEANED, KEEP, CONFOUNDS, CONFOUND_NAMES)


def fit() -> Figure:
    """How well the maps describe each volume."""
    r_squared = 0.6 + 0.01 * np.sin(np.arange(N_VOLUMES) / 9) - 0.05 * ~KEEP
    return figure_fit(r_squared, KEEP, t_r=T_R)


def correlation() -> Figure:
    """Correlation matrix, like signals side by side."""
    matrix = correlation_matrix(CLEANED)
    order = clustered_order(matrix)
    return figure_correlation(matrix, NAMES, order=order, title="Ordered by clustering")


def spread() -> Figure:
    """Scatter over runs (standard deviation) of each correlation."""
    halves = [correlation_matrix(CLEANED[start : start + 40]) for start in range(0, 160, 40)]
    return figure_spread(np.std(halves, axis=0), NAMES, title="Spread over four quarters")


def distribution() -> Figure:
    """Correlations of all pairs, before and after cleaning."""
    return figure_distribution(correlation_matrix(RAW[KEEP]), correlation_matrix(CLEANED))


def coverage() -> Figure:
    """Which share of each map's weight had data."""
    return figure_coverage(COVERAGE, NAMES)


def one_map() -> Figure:
    """One map over the run's mean image; the patient's left on the left."""
    cuts, mean = _space()
    return figure_map(cuts, 3, name=NAMES[3], mean_image=mean)


def glance() -> Figure:
    """All maps together; each voxel in the colour of the map that is strongest there."""
    cuts, mean = _space()
    return figure_glance(cuts, NAMES, mean_image=mean)


def coverage_heat() -> Figure:
    """Coverage of every map in every run of a cohort."""
    table = np.random.default_rng(1).uniform(0.85, 1.0, (10, N_MAPS))
    table[6, :5] = 0.2
    return figure_coverage_heat(table, [f"sub-{run:02d}" for run in range(1, 11)], NAMES)


def measures() -> Figure:
    """Spread of each measure over the runs, outliers named."""
    rows, run_ids = _cohort()
    outliers: dict[str, list[int]] = {}
    for outlier in find_outliers(rows):
        outliers.setdefault(outlier.measure, []).append(outlier.index)
    return figure_measures(rows, run_ids, outliers)


def strategies() -> Figure:
    """Motion that strategies leave in the connectomes of a cohort, and their cost."""
    cohort = _strategies()
    found = [(atlas.strategy, atlas.comparison) for atlas in cohort.atlases]
    rows = [{"atlas": "mine", "strategy": name, **one.values} for name, one in found]
    edges = [(name, one.distances, one.correlation) for name, one in found]
    return figure_strategies(rows, edges)


def _space() -> tuple[dict[str, Array], Array]:
    """Make maps on a small grid, one blob each, and a mean image: a ball with a bright rim."""
    affine = np.diag([-6.0, 6.0, 6.0, 1.0])
    affine[:3, 3] = [84.0, -96.0, -72.0]
    places = np.indices((29, 33, 25)).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]
    rng = np.random.default_rng(2)
    centres = rng.uniform(-50, 50, (N_MAPS, 3))
    maps = [np.exp(-((places - centre) ** 2).sum(axis=1) / 300) for centre in centres]
    radius = np.sqrt((places**2 / np.array([70, 85, 60]) ** 2).sum(axis=1))
    mean = np.where(radius < 1, 700 + 300 * radius**4, 0.0).reshape(29, 33, 25)
    weights = (np.where(weight > 0.05, weight, 0.0).reshape(mean.shape) for weight in maps)
    return collect_cuts(weights, affine), mean


def _cohort() -> tuple[list[dict[str, float]], list[str]]:
    """Measure 40 runs, one of which moved."""
    rng = np.random.default_rng(3)
    builder = CohortBuilder()
    rows = []
    for number in range(40):
        signals = RAW + rng.normal(0, 0.3, RAW.shape)
        motion = rng.gamma(9, 0.015 if number != 17 else 0.08, N_VOLUMES)
        run = RunResults(run_id=f"sub-{number:02d}", names=NAMES, raw=signals, motion=motion)
        rows.append(dict(builder.add(run).measures))
    return rows, [f"sub-{number:02d}" for number in range(40)]


def _strategies() -> CohortResults:
    """Measure 30 subjects whose motion binds near maps together, by three strategies."""
    rng = np.random.default_rng(4)
    centres = rng.uniform(-50, 50, (N_MAPS, 3))
    near = np.exp(-np.linalg.norm(centres[:, None] - centres, axis=-1) / 30)
    builder = CohortBuilder()
    for number in range(30):
        motion = rng.uniform(0.05, 0.5)
        artefact = rng.standard_normal((N_VOLUMES, N_MAPS)) @ np.linalg.cholesky(near).T
        truth = SOURCES @ MIXING + rng.standard_normal((N_VOLUMES, N_MAPS))
        for strategy, left, spent in (("none", 1.0, 1), ("24P", 0.5, 25), ("36P", 0.1, 37)):
            run = RunResults(
                run_id=f"sub-{number:02d}",
                names=NAMES,
                raw=truth + 3 * left * motion * artefact,
                atlas="mine",
                strategy=strategy,
                motion=np.full(N_VOLUMES, motion),
                centres=centres,
                summary={"degrees_of_freedom": N_VOLUMES - spent},
            )
            builder.add(run)
    return builder.finish()


EXAMPLES: tuple[Callable[[], Figure], ...] = (
    *(carpet, spectra, confounds, fit, correlation, spread, distribution, coverage),
    *(one_map, glance, coverage_heat, measures, strategies),
)
"""What the gallery shows, in this order."""


def main() -> None:
    """Write the page and its pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).read_text(encoding="utf-8")
    numbers = source[source.index("RNG = ") : source.index("# end of the numbers")]
    parts = [INTRODUCTION.format(numbers=IMPORTS + numbers)]
    for example in EXAMPLES:
        picture = PICTURES / f"{example.__name__}.png"
        save_figure(example(), picture, dpi=GALLERY_DPI)
        parts.append(_section(example, picture))
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    before, rest = THRESHOLDS_PAGE.read_text(encoding="utf-8").split(START)
    lines = "\n".join(f"- {line}" for line in thresholds())
    after = rest.split(END)[1]
    THRESHOLDS_PAGE.write_text(f"{before}{START}\n{lines}\n{END}{after}", encoding="utf-8")


def _section(example: Callable[[], Figure], picture: Path) -> str:
    """Write the part of one figure."""
    words = inspect.getdoc(example) or ""
    body = inspect.getsource(example).split('"""\n', 1)[1]
    code = inspect.cleandoc(body.replace("    return ", "    figure = ", 1))
    name = next(name for name in globals() if name.startswith("figure_") and f"= {name}(" in code)
    link = f"../{picture.relative_to(HERE).as_posix()}"
    lines = [f"## `{name}`", "", words, "", "```python"]
    lines += [f"from nipype_mapsmasker.reports.figures import {name}", "", code]
    return "\n".join([*lines, "```", "", f"![{words}]({link})", ""])


if __name__ == "__main__":
    main()
