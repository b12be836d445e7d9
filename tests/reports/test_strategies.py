# SPDX-License-Identifier: Apache-2.0
"""Strategies on the cohort's page: the numbers of ``group``, in a table and in figures."""

import numpy as np
import pytest

from nipype_mapsmasker.core.group import edges_of, modularity, motion_edges, region_distances
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.comparison import COMPARED
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.results import RunResults

N_SUBJECTS, N_VOLUMES, N_MAPS = 14, 90, 7
LEFT = {"none": 1.0, "24P": 0.4, "36P": 0.0}
NAMES = [f"m{number}" for number in range(N_MAPS)]


def make_cohort(n_subjects=N_SUBJECTS, n_runs=1, motion=True):
    """Subjects whose motion binds near maps together, by some strategies more."""
    rng = np.random.default_rng(3)
    centres = rng.uniform(-50, 50, (N_MAPS, 3))
    near = np.exp(-np.linalg.norm(centres[:, None] - centres, axis=-1) / 30)
    builder, signals, moved = CohortBuilder(), {name: [] for name in LEFT}, []
    for subject in range(n_subjects):
        for run in range(n_runs):
            moved.append(rng.uniform(0.05, 0.6))
            truth = rng.normal(size=(N_VOLUMES, N_MAPS))
            artefact = rng.normal(size=(N_VOLUMES, N_MAPS)) @ np.linalg.cholesky(near).T
            for strategy, left in LEFT.items():
                raw = truth + 3 * moved[-1] * left * artefact
                signals[strategy].append(raw)
                builder.add(
                    RunResults(
                        run_id=f"sub-{subject:02d}_run-{run}",
                        names=NAMES,
                        raw=raw,
                        atlas="toy",
                        strategy=strategy,
                        motion=np.full(N_VOLUMES, moved[-1]) if motion else None,
                        centres=centres,
                        summary={"degrees_of_freedom": N_VOLUMES - 9},
                    )
                )
    return builder.finish(), signals, np.array(moved), centres


def test_numbers_are_those_of_group():
    cohort, signals, motion, centres = make_cohort()
    distances = region_distances(centres)
    for atlas in cohort.atlases:
        matrices = np.array([np.corrcoef(raw.T) for raw in signals[atlas.strategy]])
        expected = motion_edges(np.arctanh(edges_of(matrices)), motion, distances)
        found = atlas.comparison
        np.testing.assert_allclose(found.correlation, expected.correlation, atol=1e-5)
        np.testing.assert_allclose(found.distances, distances)
        assert found.values == pytest.approx(
            {
                "qcfc_median_absolute": expected.median_absolute,
                "qcfc_share_significant": expected.share_significant,
                "qcfc_distance": expected.distance_dependence,
                "degrees_of_freedom_lost": 9 / N_VOLUMES,
                "modularity": np.mean([modularity(matrix)[0] for matrix in matrices]),
            },
            abs=1e-5,
        )
    left = [atlas.comparison.values["qcfc_median_absolute"] for atlas in cohort.atlases]
    assert left[0] > left[1] > left[2]


def test_runs_of_a_subject_count_once():
    cohort, _, _, _ = make_cohort(n_runs=2)
    assert {atlas.comparison.n_subjects for atlas in cohort.atlases} == {N_SUBJECTS}
    assert {len(atlas.run_ids) for atlas in cohort.atlases} == {2 * N_SUBJECTS}


def test_the_page_has_the_table_and_the_figures():
    cohort, _, _, _ = make_cohort()
    page = cohort_page(cohort)
    part = page[page.index('<section id="strategies"') :]
    part = part[: part.index("</section>")]
    for atlas in cohort.atlases:
        assert f"toy · {atlas.strategy}" in part
        for name, (words, digits) in COMPARED.items():
            assert words.replace("<", "&lt;").replace("|", "|") in part
            assert f">{atlas.comparison.values[name]:.{digits}f}<" in part
    assert part.count("QC-FC over the distance") == len(LEFT)
    assert 'href="#strategies"' in page


@pytest.mark.parametrize(("n_subjects", "motion"), [(5, True), (14, False)])
def test_without_enough_motion_the_table_says_so(n_subjects, motion):
    cohort, _, _, _ = make_cohort(n_subjects, motion=motion)
    for atlas in cohort.atlases:
        assert set(atlas.comparison.values) == {"degrees_of_freedom_lost", "modularity"}
    page = cohort_page(cohort)
    assert f"known here: {n_subjects if motion else 0}." in page
    assert "QC-FC over the distance" not in page
