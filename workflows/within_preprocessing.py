# SPDX-License-Identifier: Apache-2.0
"""
Put the masker behind a preprocessing of one's own, as a part of one larger graph.

    python workflows/within_preprocessing.py MAPS OUT BOLD [BOLD ...]

The preprocessing here is short: drop the first volumes, make a brain mask, write motion-like
confounds. Any Nipype workflow that ends in lists of files, one entry per run, takes its place:
what matters is the connections to ``masker.inputnode``, and that every list comes in the order
of ``run_ids``.
"""

import argparse
from pathlib import Path

from nipype import Function, MapNode, Workflow

from nipype_mapsmasker.workflows import init_cohort_wf


def drop_first_volumes(in_file, n_volumes):  # type: ignore[no-untyped-def]
    """Write the run without its first volumes, which are not in steady state."""
    from pathlib import Path

    import nibabel as nib

    image = nib.load(in_file)
    out_file = Path.cwd() / Path(in_file).name
    nib.save(image.slicer[..., n_volumes:], out_file)
    return str(out_file)


def make_mask(in_file):  # type: ignore[no-untyped-def]
    """Write a mask of the voxels whose mean is above half of the image's 98th percentile."""
    from pathlib import Path

    import nibabel as nib
    import numpy as np

    image = nib.load(in_file)
    mean = np.asarray(image.dataobj, dtype=float).mean(axis=-1)
    inside = (mean > np.percentile(mean, 98) / 2).astype(np.uint8)
    out_file = Path.cwd() / "mask.nii.gz"
    nib.save(nib.Nifti1Image(inside, image.affine), out_file)
    return str(out_file)


def global_signal(in_file, mask_file):  # type: ignore[no-untyped-def]
    """Write a table of confounds with the mean over the mask."""
    from pathlib import Path

    import nibabel as nib
    import numpy as np

    inside = np.asarray(nib.load(mask_file).dataobj) > 0
    courses = np.asarray(nib.load(in_file).dataobj, dtype=float)[inside]
    out_file = Path.cwd() / "confounds.tsv"
    np.savetxt(out_file, courses.mean(axis=0), header="global_signal", comments="")
    return str(out_file)


def init_preproc_wf(in_files: list[str], *, name: str = "preproc_wf") -> Workflow:
    """Build the stand-in for a preprocessing: three MapNodes over runs."""
    trim = MapNode(
        Function(function=drop_first_volumes, output_names=["out_file"]),
        iterfield=["in_file"],
        name="trim",
    )
    trim.inputs.in_file = in_files
    trim.inputs.n_volumes = 4
    mask = MapNode(
        Function(function=make_mask, output_names=["out_file"]), iterfield=["in_file"], name="mask"
    )
    confounds = MapNode(
        Function(function=global_signal, output_names=["out_file"]),
        iterfield=["in_file", "mask_file"],
        name="confounds",
    )
    workflow = Workflow(name=name)
    workflow.connect(
        [
            (trim, mask, [("out_file", "in_file")]),
            (trim, confounds, [("out_file", "in_file")]),
            (mask, confounds, [("out_file", "mask_file")]),
        ]
    )
    return workflow


def main() -> None:
    """Join both workflows and run the whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("bold", type=Path, nargs="+")
    given = parser.parse_args()

    preproc = init_preproc_wf([str(path.absolute()) for path in given.bold])
    masker = init_cohort_wf(
        out_dir=str(given.out_dir.absolute()),
        strategies={"": {"detrend": True, "standardize": "zscore_sample"}},
        smoothing_fwhm=6.0,
        inverse_transform=True,
        name="masker",
    )
    masker.inputs.inputnode.run_ids = [
        path.name.split(".")[0].removesuffix("_bold") for path in given.bold
    ]
    masker.inputs.inputnode.maps_img = str(given.maps.absolute())

    study = Workflow(name="study", base_dir=str(given.out_dir.absolute() / "work"))
    # The settings that the masker needs travel with it only where it is run by itself.
    study.config = masker.config
    study.connect(
        [
            (preproc, masker, [("trim.out_file", "inputnode.in_files")]),
            (preproc, masker, [("mask.out_file", "inputnode.mask_img")]),
            (preproc, masker, [("confounds.out_file", "inputnode.confounds_files")]),
        ]
    )
    study.run()


if __name__ == "__main__":
    main()
