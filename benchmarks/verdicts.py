# SPDX-License-Identifier: Apache-2.0
"""
Write docs/explanation/verdicts.md: how often verdicts are right, on planted cohorts.

    python benchmarks/verdicts.py [--cohorts 4] [--jobs 1] [--quick] [--to FILE]

Each cohort has sound runs and one run with each fault; its conditions are one of all combinations
of repetition time, length, filter and censoring. The corners of these, the shortest runs of the
shortest and the longest repetition time, have lines of their own, for which more are planted: tens
of runs do not tell a rate of 95 % from one of 90 %.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.limits import DEGREES_OF_FREEDOM
from nipype_mapsmasker.reports.outliers import find_outliers
from nipype_mapsmasker.reports.results import RunRow
from nipype_mapsmasker.testing.planted import FAULTS, Planted, plant

__all__ = ["ABOUT", "Case", "is_named", "main", "page", "run_cohort"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

TIMES = (0.5, 0.8, 1.0, 2.0, 3.0)
LENGTHS = (100, 200, 400, 1200)
MAX_SHORT = 200
"""Runs of so many volumes and less are planted twice as often."""

CORNERS = tuple(itertools.product(TIMES[:1] + TIMES[-1:], LENGTHS[:2]))
"""Repetition times and lengths whose verdicts rest on least."""

CORNER_COHORTS = 24
"""Cohorts of each filter and censoring for the line of a corner."""

SEED = 13

FILTERS = ("none", "butterworth", "cosine")
N_MAPS = (5, 8, 20, 39, 100)
N_SOUND = 16

ABOUT = {
    "start-up volumes": {"start-up volumes"},
    "spikes": {"spikes"},
    "dead region": {"flat signals", "dead signals", "coverage"},
    "half field of view": {"coverage"},
    "noise only": {"noise"},
    "wrong repetition time": {"repetition time"},
    "uncleaned": {"not cleaned"},
    "too few degrees of freedom": {"degrees of freedom"},
}
"""Which words of the verdict name each fault."""


@dataclass(frozen=True)
class Case:
    """Hold the outcome of one run; ``right`` means named if faulty, not flagged if sound."""

    fault: str
    t_r: float
    n_volumes: int
    filtering: str
    censored: bool
    n_maps: int
    right: bool
    stands_out: bool
    keywords: tuple[str, ...]


def run_cohort(
    t_r: float, n_volumes: int, filtering: str, censored: bool, seed: Sequence[int]
) -> list[Case]:
    """Plant one cohort and compare its verdicts with the truth."""
    rng = np.random.default_rng(seed)
    n_maps = int(rng.choice(N_MAPS))
    builder = CohortBuilder()
    truth: list[Planted] = []
    for number, fault in enumerate([*[""] * N_SOUND, *FAULTS]):
        planted = plant(
            fault,
            rng,
            run_id=f"sub-{number:02d}",
            n_volumes=n_volumes,
            t_r=t_r,
            n_maps=n_maps,
            filtering=filtering,
            censored=censored,
        )
        builder.add(planted.run)
        truth.append(planted)
    rows = builder.finish().rows
    odd = {outlier.index for outlier in find_outliers([row.measures for row in rows])}
    return [
        Case(
            planted.fault,
            t_r,
            n_volumes,
            filtering,
            censored,
            n_maps,
            is_named(planted, row) if planted.fault else not false_alarms(row),
            index in odd,
            tuple(row.keywords),
        )
        for index, (planted, row) in enumerate(zip(truth, rows, strict=True))
    ]


def is_named(planted: Planted, row: RunRow) -> bool:
    """Tell whether the verdict names the fault, with all its volumes or maps, and no others."""
    if not ABOUT[planted.fault] & set(row.keywords):
        return False
    if planted.fault == "spikes":
        return set(row.spike_volumes) == set(planted.volumes)
    if planted.fault == "start-up volumes":
        named = set(row.startup_volumes)
        return set(planted.volumes) <= named <= {*planted.volumes, *planted.spared}
    if planted.maps:
        return {*row.lost_maps, *row.cut_maps} == set(planted.maps)
    return True


def false_alarms(row: RunRow) -> set[str]:
    """Give what a sound run is reproached with; too few degrees of freedom are a fact."""
    wrong = set(row.keywords)
    if row.measures["degrees_of_freedom"] < DEGREES_OF_FREEDOM[0]:
        wrong.discard("degrees of freedom")
    return wrong


def page(cases: Sequence[Case], n_cohorts: int, more: Sequence[Case] = ()) -> str:
    """Write the document; further cases of the corners count in these' own lines alone."""
    sound = [case for case in cases if not case.fault]
    faulty = [case for case in cases if case.fault]
    lines = [HEAD.format(n_cohorts=n_cohorts, n_sound=len(sound), n_faulty=len(faulty))]
    lines += ["| planted | runs | named |", "|---|---|---|"]
    lines += [
        f"| {fault} | {len(group)} | {_percent(group)} |"
        for fault, group in _groups(faulty, "fault")
    ]
    alarms = [case for case in sound if not case.right]
    lines += [f"| none: false alarms | {len(sound)} | {len(alarms) / len(sound):.1%} |", ""]
    counts: dict[str, int] = defaultdict(int)
    for case in alarms:
        for keyword in set(case.keywords) - {"degrees of freedom"}:
            counts[keyword] += 1
    named = ", ".join(f"{word} {count}" for word, count in sorted(counts.items())) or "nothing"
    out = sum(case.stands_out for case in sound) / len(sound)
    lines += [FALSE.format(named=named, stands_out=out), CONDITIONS]
    lines += _table_head()
    for field, words in FIELDS.items():
        for value, group in _groups(cases, field):
            lines.append(_line(words.format(value), group))
    lines += [*CORNER_HEAD.splitlines(), *_table_head()]
    for t_r, n_volumes in CORNERS:
        chosen = [c for c in (*cases, *more) if (c.t_r, c.n_volumes) == (t_r, n_volumes)]
        if chosen:
            n_sound = sum(not case.fault for case in chosen)
            words = f"{n_volumes} volumes of {t_r:g} s; {n_sound:,} sound runs"
            lines.append(_line(words, chosen))
    return "\n".join(lines) + TAIL


def _table_head() -> list[str]:
    """Write the first lines of a table of conditions."""
    return [
        "| condition | false alarms | " + " | ".join(FAULTS) + " |",
        "|---|---|" + "---|" * len(FAULTS),
    ]


def _line(words: str, cases: Sequence[Case]) -> str:
    """Write one line of the table of conditions."""
    sound = [case for case in cases if not case.fault]
    wrong = sum(not case.right for case in sound) / len(sound)
    cells = [_percent([c for c in cases if c.fault == fault]) for fault in FAULTS]
    return f"| {words} | {wrong:.1%} | " + " | ".join(cells) + " |"


def _groups(cases: Iterable[Case], field: str) -> list[tuple[object, list[Case]]]:
    """Group cases by a field, in the order in which its values come."""
    groups: dict[object, list[Case]] = {}
    for case in cases:
        groups.setdefault(getattr(case, field), []).append(case)
    return list(groups.items())


def _percent(cases: Sequence[Case]) -> str:
    """Write the share of cases that are right."""
    return f"{sum(case.right for case in cases) / len(cases):.1%}" if cases else "–"


FIELDS = {
    "t_r": "repetition time {} s",
    "n_volumes": "{} volumes",
    "filtering": "filter: {}",
    "censored": "censored: {}",
    "n_maps": "{} maps",
}
"""By what the cases are told apart in the second table."""

HEAD = """\
# How often the verdicts are right

Written by `benchmarks/verdicts.py`.

{n_cohorts} cohorts of signals with known faults: repetition times of 0.5 to 3 s, 100 to 1,200
volumes, cleaned without a filter, with a Butterworth band-pass (0.01 to 0.1 Hz) or with cosines,
with and without censored volumes, 5 to 100 maps. In each are 16 sound runs and one with each
fault. Signals are neural activity (a spectrum of f^-b times the haemodynamic response, shared in
networks), breathing, white noise, drift and motion; cleaning is the package's own
(`nipype_mapsmasker.testing.planted` says how). *Named* means: the verdict has the fault's name and
all its volumes or maps, and no others. {n_sound} runs are sound, {n_faulty} have a fault.

"""

FALSE = """\
What sound runs are reproached with: {named}. A run with less than 30 degrees of freedom is told
so, which is no false alarm: 100 volumes of 0.5 s, band-passed, have 9 before any confound is
regressed. Values that merely stand out of their cohort, which do not weigh on the verdict, are
marked in {stands_out:.1%} of the sound runs.
"""

CONDITIONS = """\
## By conditions

All but the first column: share of planted faults that are named.
"""

CORNER_HEAD = """
## The shortest runs

From more cohorts, so that a false alarm's rate is known to 0.3 %, and a fault's to 2 %.

"""

TAIL = """

## What each fault is told by

- *Start-up volumes*: the first stretch of the run departs from the one behind it as no other
  stretch does. The run itself is the measure of what is usual, so that neither smoothness nor
  drift matter.
- *Spikes*: a volume departs from the median of seven around it, in most signals, as others do
  not; the first and the last volume, with neighbours on one side alone, depart from those as no
  other departs from the three on that side. What regressed confounds explain is not counted, nor
  are censored volumes.
- *Dead region, half field of view*: coverage, signals that never change, and signals that vary
  less than a twentieth of the median one.
- *Noise only*: the power between 0.01 and 0.1 Hz over that above 0.12 Hz, against what the removal
  of drifts and confounds and the gaps of censoring leave of white noise. Repetition time and
  length enter through the number of frequencies. Above a repetition time of 4 s no frequency is
  left to compare with, and nothing is said. An image that was low-passed before cannot be judged.
- *Wrong repetition time*: the corner of the spectrum, where signals sink into white noise. Alone,
  a run is named only when its corner certainly lies outside 0.02 to 0.15 Hz; a factor of two is
  found by comparison with the other runs of the cohort (five at least).
- *Uncleaned*: the cleaned signals are the raw ones, or cleaning left out steps that others had.
- *Degrees of freedom*: what cleaning leaves, against what a correlation needs.
"""


def main() -> None:
    """Plant, judge, write."""
    parser = argparse.ArgumentParser(description="Rates of right verdicts on planted cohorts.")
    parser.add_argument(
        "--cohorts",
        type=int,
        default=4,
        help="per condition, twice as many of short runs (default 4)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--quick", action="store_true", help="a few conditions only")
    parser.add_argument(
        "--to", type=Path, default=DOCS / "explanation" / "verdicts.md", metavar="FILE"
    )
    arguments = parser.parse_args()
    conditions = list(itertools.product(TIMES, LENGTHS, FILTERS, (False, True)))
    if arguments.quick:
        conditions = list(itertools.product(TIMES, LENGTHS[:3:2], FILTERS[:2], (True,)))
    planned, more = [], []
    for number, condition in enumerate(conditions):
        t_r, n_volumes, *_ = condition
        # Short runs, which tell least, are planted twice.
        count = arguments.cohorts * (1 + (n_volumes <= MAX_SHORT))
        planned += [(condition, (SEED, number, repeat)) for repeat in range(count)]
        if (t_r, n_volumes) in CORNERS and not arguments.quick:
            more += [(condition, (SEED, number, n)) for n in range(count, CORNER_COHORTS)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = list(pool.map(_planted, [*planned, *more], chunksize=4))
    cases = [case for cohort in found[: len(planned)] for case in cohort]
    further = [case for cohort in found[len(planned) :] for case in cohort]
    arguments.to.write_text(page(cases, len(planned), further), encoding="utf-8")
    print(f"Wrote {arguments.to}.")


def _planted(plan: tuple[tuple[float, int, str, bool], tuple[int, ...]]) -> list[Case]:
    """Plant and judge one cohort, in a process of its own."""
    condition, seed = plan
    return run_cohort(*condition, seed=seed)


if __name__ == "__main__":
    main()
