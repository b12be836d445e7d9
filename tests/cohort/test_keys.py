# SPDX-License-Identifier: Apache-2.0
"""Each parameter is part of the keys of what depends on it: no rerun takes stale results."""

import pytest

from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.cohort.run import plan_cohort
from nipype_mapsmasker.core.parameters import EXTRACTION, MaskerParameters, parameters_of
from tests.contracts.test_parameters import NEEDS, another
from tests.tiny import make_tiny

DECLARED = parameters_of(MaskerParameters)

RAW = {name for cls in EXTRACTION for name in parameters_of(cls)} | {"atlases"}
"""Parameters that the raw signals depend on."""

NO_RESULT = {"on_error"}
"""What no result depends on."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """One run with a mask; tests only read it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"), grids=(0,))


def keys(tiny, out_dir, **values):
    """Plan a cohort of one run, and give its two keys."""
    request = CohortRequest(
        input=str(tiny.in_files[0]),
        out_dir=out_dir,
        maps=[tiny.maps_file],
        mask=tiny.mask_file,
        **values,
    )
    (planned,) = plan_cohort(request).runs
    assert planned.state == "todo", planned.reason
    return planned.extraction_key, planned.key


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_parameter_changes_the_keys_of_what_depends_on_it(tiny, tmp_path, name):
    value = {"atlas_names" if name == "atlases" else name: another(DECLARED[name])}
    needed = NEEDS.get(name, {})
    before = keys(tiny, tmp_path, **needed)
    after = keys(tiny, tmp_path, **needed | value)
    assert (before[0] != after[0]) == (name in RAW)
    assert (before[1] != after[1]) == (name not in NO_RESULT)
