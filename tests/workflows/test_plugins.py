# SPDX-License-Identifier: Apache-2.0
"""Linear and MultiProc, Nipype's own and ours, give the same bytes."""

from pathlib import Path

import pytest

from nipype_mapsmasker.plugins import MultiProcPlugin
from nipype_mapsmasker.workflows import init_cohort_wf
from tests.tiny import results_of, set_inputs

PARAMETERS = {
    "reports": False,
    "on_error": "record",
    "atlases": ["first", "second"],
    "high_variance_confounds": True,
    "percentile": 10.0,
    "inverse_transform": True,
    "strategies": {"band": {"detrend": True, "low_pass": 0.1, "high_pass": 0.01}, "raw2": {}},
}
"""A workflow that uses every step, gaps included."""

RESOURCES = {"n_procs": 2, "memory_gb": 4}
"""Arguments of both plugins: processes, and their memory."""


@pytest.fixture
def bytes_of(tiny, run, tmp_path):
    """A function that runs the workflow in a folder of its own and reads all that it made."""

    def run_and_read(name, plugin, **plugin_args):
        workflow = init_cohort_wf(out_dir=str(tmp_path / name / "out"), **PARAMETERS)
        set_inputs(
            workflow,
            tiny,
            in_files=[tiny.in_files[0], str(tmp_path / "gone.nii.gz"), tiny.in_files[1]],
            confounds_files=[tiny.confounds_files[0], None, None],
            sample_mask_files=[None, None, tiny.sample_mask_files[2]],
            maps_img=[tiny.maps_file] * 2,
            mask_img=[None, tiny.mask_file, tiny.mask_file],
        )
        workflow.inputs.inputnode.labels_files = [None, tiny.labels_file]
        nodes = run(workflow, plugin, base_dir=tmp_path / name / "work", **plugin_args)
        results = results_of(workflow, nodes)
        made = {
            f"{field} {number} {position}": None if path is None else Path(path).read_bytes()
            for field in ("timeseries_files", "signals_files", "reconstruction_files")
            for number, paths in enumerate(results[field])
            for position, path in enumerate(paths)
        }
        stored = {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for pattern in (
                "*_timeseries.tsv",
                "*.nii.gz",
                "*_bold.tsv",
                "*_fit.tsv",
            )
            for path in (tmp_path / name / "out").rglob(pattern)
        }
        return made | stored

    return run_and_read


def test_our_multiproc_gives_the_same_bytes(bytes_of, tmp_path):
    linear = bytes_of("linear", "Linear")
    assert len(linear) > 3 * (4 + 2 + 4)
    assert linear["timeseries_files 1 0"] is None
    ours = bytes_of("ours", MultiProcPlugin(plugin_args=dict(RESOURCES)))
    assert ours == linear


def test_nipypes_own_multiproc_gives_the_same_bytes(tiny, run, tmp_path):
    """It looks at its jobs at intervals only, so the graph is the smallest there is."""
    made = {}
    for plugin in ("Linear", "MultiProc"):
        workflow = set_inputs(init_cohort_wf(reports=False), tiny, "confounds_files")
        arguments = RESOURCES if plugin == "MultiProc" else {}
        nodes = run(workflow, plugin, base_dir=tmp_path / plugin, **arguments)
        files = results_of(workflow, nodes)["timeseries_files"]
        made[plugin] = [Path(paths[0]).read_bytes() for paths in files]
    assert made["Linear"] == made["MultiProc"]
