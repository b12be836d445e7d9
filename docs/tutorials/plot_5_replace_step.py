# SPDX-License-Identifier: Apache-2.0
"""
Replacing a step
================

Your own cleaning in the place of ours, for a whole cohort; reading, pages, tables and the
handling of faults stay.
"""

# %%
# A cohort, and a cleaning of your own: signals less their medians, divided by the median
# absolute deviation, which a few wild volumes do not change. It takes a file and writes one,
# as any step.

# sphinx_gallery_thumbnail_path = 'figures/gallery/spectra.png'
from pathlib import Path
from tempfile import mkdtemp

from nipype import Function, MapNode, logging

from nipype_mapsmasker.testing import make_cohort

folder = Path(mkdtemp())
cohort = make_cohort(folder / "data", n_subjects=2, grids=1, n_maps=4, n_volumes=100)


def robust(in_file):
    """Write robust z-scores of signals."""
    from pathlib import Path

    import pandas as pd

    signals = pd.read_csv(in_file, sep="\t")
    apart = signals - signals.median()
    out_file = Path.cwd() / "robust.tsv"
    (apart / apart.abs().median()).to_csv(out_file, sep="\t", index=False)
    return str(out_file)


own = MapNode(
    Function(function=robust, output_names=["out_file"]), iterfield=["in_file"], name="robust"
)

# %%
# Put it into the cohort's graph: what the step's fields are called in your node.

from nipype_mapsmasker.workflows import init_cohort_wf, replace_step

workflow = init_cohort_wf(out_dir=folder / "results", atlases=["demo"])
replace_step(
    workflow, "clean", own, inputs={"signals_file": "in_file"}, outputs={"out_file": "out_file"}
)

# %%
# The rest is as always; Nipype's own log is long.

logging.getLogger("nipype.workflow").setLevel("WARNING")
images = sorted((folder / "data").rglob("*_bold.nii.gz"))
workflow.base_dir = folder / "work"
inputs = workflow.inputs.inputnode
inputs.run_ids = cohort.run_ids
inputs.in_files = images
inputs.maps_img = cohort.maps_file
workflow.run(plugin="Linear")

# %%
# The results are where ours would be. The pages say nothing of filters or degrees of freedom:
# your node did not tell.

import pandas as pd

tables = sorted((folder / "results").rglob("*_atlas-demo_timeseries.tsv"))
pd.read_csv(tables[0], sep="\t").describe().round(2)
