# SPDX-License-Identifier: Apache-2.0
"""
In your own Nipype graph
========================

A graph of your own, with iterables, a ``DataSink`` and a ``JoinNode``, has the masker of a run
in it as it would have any other sub-workflow.
"""

# %%
# The graph is a recipe. ``mapsmasker recipes own_pipeline > own_pipeline.py`` gives you the
# script to change; this is the part that builds it. The maps are fitted once, before the
# subjects' branches, and every subject uses that fit.
#
# .. literalinclude:: /../workflows/own_pipeline.py
#    :pyobject: init_own_wf
#
# Some data for it: two subjects, one image each.

# sphinx_gallery_thumbnail_path = 'figures/cohort_graph.png'
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from nipype_mapsmasker.cli.recipes import find_recipes
from nipype_mapsmasker.testing import make_cohort

folder = Path(mkdtemp())
cohort = make_cohort(folder / "data", n_subjects=2, grids=1, n_maps=4, n_volumes=100)
(folder / "images").mkdir()
for path in sorted((folder / "data").rglob("*_bold.nii.gz")):
    path.rename(folder / "images" / path.name)

# %%
# Run it as you would: a script, its arguments, an engine.

script = find_recipes()["own_pipeline"]
words = [folder / "images", cohort.maps_file, folder / "out", "01", "02", "--plugin", "Linear"]
done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
print("exit code:", done.returncode)

# %%
# The sink has each subject's tables, and one of all subjects from the ``JoinNode``; the masker
# has a result folder with pages, which both subjects share.

for path in sorted((folder / "out").rglob("*")):
    shown = path.relative_to(folder / "out")
    if (
        path.suffix in (".tsv", ".html")
        and shown.parts[0] != "work"
        and ".mapsmasker" not in shown.parts
    ):
        print(shown)

# %%
# The inputs of every node are in :doc:`/reference/made/interfaces`, and those of the builders
# in :doc:`/reference/made/builders`. More on graphs: :doc:`/how-to/workflows`.
