# SPDX-License-Identifier: Apache-2.0
"""``displayed_maps`` follows the reference in every case."""

import numpy as np
import pytest

from nipype_mapsmasker.reports.display import choose_maps

CASES = [
    3, 0, -2, 5, 9, True, "all", [4, 0, 2], [], [1, 1], [0, 7, -1, 2], np.array([3, 1]),
    np.array([9, 0]), np.arange(5),
]  # fmt: skip

WRONG = [
    "some", 2.0, None, (0, 1), {0, 1}, [0, 1.0], ["0"], np.array([0.0, 1.0]), np.array([]),
    np.array([0, 1], dtype=np.int32), [np.int64(1)], np.int64(2), [None], 1j,
]  # fmt: skip


class Recorder:
    """Stand in for the reference's estimator, which collects warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def _append_report_warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("wanted", CASES, ids=repr)
def test_the_same_maps_are_shown_as_by_the_reference(wanted) -> None:
    base = pytest.importorskip("nilearn.maskers.base_masker")
    recorder = Recorder()
    base.check_displayed_maps(wanted)
    _, expected = base.sanitize_displayed_maps(recorder, wanted, 5)
    shown, warnings = choose_maps(wanted, 5)
    assert shown == expected
    assert len(warnings) == len(recorder.warnings)


@pytest.mark.parametrize("wanted", WRONG, ids=repr)
def test_the_same_types_are_refused_as_by_the_reference(wanted) -> None:
    base = pytest.importorskip("nilearn.maskers.base_masker")
    with pytest.raises(TypeError):
        base.check_displayed_maps(wanted)
    with pytest.raises(TypeError, match="displayed_maps must be 'all', an int"):
        choose_maps(wanted, 5)


def test_warnings_name_what_was_asked_for() -> None:
    assert choose_maps(9, 5)[1] == [
        "displayed_maps=9 asks for more maps than there are; all 5 are shown."
    ]
    assert "[7, -1]" in choose_maps([0, 7, -1, 2], 5)[1][0]


def test_the_wish_is_not_changed() -> None:
    wish = [3, 9]
    choose_maps(wish, 5)
    assert wish == [3, 9]
