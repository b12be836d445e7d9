# SPDX-License-Identifier: Apache-2.0
"""
From an fMRIPrep folder to connectomes
======================================

What you would type in a shell, on a made folder of fMRIPrep's with the awkward cases of real
ones: two spaces, a subject without confounds, one in native space only, a run without mask. Its
voxels are 14 mm wide, so that this takes seconds.
"""

# %%
# Make the folder, and an atlas in BIDS's form beside it.

# sphinx_gallery_thumbnail_path = 'figures/gallery/correlation.png'
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from nipype_mapsmasker.testing import make_fmriprep_folder

folder = Path(mkdtemp())
made = make_fmriprep_folder(folder, n_volumes=150, is_lifelike=True)


def shell(line):
    """Type a line in that folder, and show what comes back."""
    words = shlex.split(line)
    words[:1] = [sys.executable, "-m", "nipype_mapsmasker"]  # the same as mapsmasker
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    print(done.stdout + done.stderr + f"(exit code {done.returncode})")


# %%
# What would be used? ``inspect`` says so of every run, and what is left out and why.

shell("mapsmasker inspect fmriprep --space MNI152NLin2009cAsym")

# %%
# Choose a task, an atlas, how to denoise, and which matrix. ``simple`` has 24 motion
# parameters, tissue signals and cosines. ``--dry-run`` first: it finds what would go wrong.

call = (
    "mapsmasker fmriprep results participant --space MNI152NLin2009cAsym --task-label rest "
    "--atlas Toy --atlas-dir atlas --denoise simple --standardize zscore_sample "
    "--connectivity pearson"
)
shell(f"{call} --dry-run")

# %%
# Then the same without it. The subject without confounds fails, with the reason, and the
# others are done; the exit code is 1.

shell(call)

# %%
# The results are a BIDS derivatives dataset.

for path in sorted((folder / "results").rglob("sub-01*")):
    if path.is_file() and ".mapsmasker" not in path.parts:
        print(path.relative_to(folder))

# %%
# The connectomes, as one frame.

from nipype_mapsmasker import load_connectivity

connectomes = load_connectivity(folder / "results", "Toy", strategy="simple")
connectomes.head(8).round(2)

# %%
# All that can be chosen of a folder is in :doc:`/how-to/bids`, and what each name of
# ``--denoise`` means in :doc:`/how-to/strategies`.
