# SPDX-License-Identifier: Apache-2.0
"""
Put the masker of one run into a graph of one's own, with iterables, and clean in one's own way.

    python workflows/own_pipeline.py DATA MAPS OUT SUBJECT [SUBJECT ...] [--plugin NAME]

DATA holds ``sub-SUBJECT_*_bold.nii.gz``. The maps are fitted once, and every subject uses that
fit; a node of the graph's author stands in the place of `CleanSignals`; pages and the result
folder take what it makes; a ``DataSink`` copies tables, and a ``JoinNode`` puts all subjects into
one.
"""

import argparse
from pathlib import Path

from nipype import Function, JoinNode, Node, Workflow
from nipype.interfaces.io import DataSink, SelectFiles
from nipype.interfaces.utility import IdentityInterface

import nipype_mapsmasker.plugins
from nipype_mapsmasker.interfaces import FitMaps
from nipype_mapsmasker.workflows import init_run_wf, replace_step


def centre(in_file):  # type: ignore[no-untyped-def]
    """Write the signals less their medians: the author's own cleaning."""
    from pathlib import Path

    import numpy as np

    names = Path(in_file).read_text().splitlines()[0]
    signals = np.loadtxt(in_file, skiprows=1, ndmin=2)
    out_file = Path.cwd() / "centred.tsv"
    centred = signals - np.median(signals, axis=0)
    np.savetxt(out_file, centred, header=names, comments="", delimiter="\t")
    return str(out_file)


def join_subjects(in_files):  # type: ignore[no-untyped-def]
    """Write the deviation of every subject's signals as one table, a row per subject."""
    from pathlib import Path

    import numpy as np

    files = [file for entry in in_files for file in ([entry] if isinstance(entry, str) else entry)]
    names = Path(files[0]).read_text().splitlines()[0]
    rows = [np.loadtxt(file, skiprows=1, ndmin=2).std(axis=0) for file in files]
    out_file = Path.cwd() / "deviations.tsv"
    np.savetxt(out_file, rows, header=names, comments="", delimiter="\t")
    return str(out_file)


def init_own_wf(
    data: Path, maps: Path, out_dir: Path, subjects: list[str], *, name: str = "own_wf"
) -> Workflow:
    """Build the graph: files and one fit before the masker, own steps within and behind it."""
    subject = Node(IdentityInterface(fields=["subject"]), name="subject")
    subject.iterables = ("subject", subjects)
    select = Node(
        SelectFiles({"bold": "sub-{subject}_*_bold.nii.gz"}, base_directory=str(data)),
        name="select",
    )
    first = sorted(data.glob(f"sub-{subjects[0]}_*_bold.nii.gz"))[0]
    fit = Node(FitMaps(maps_file=maps, reference_file=first), name="fit", mem_gb=1.5)

    masker = init_run_wf(out_dir=out_dir / "masker", name="masker")
    own = Node(Function(function=centre, output_names=["out_file"]), name="centre")
    replace_step(
        masker, "clean", own, inputs={"signals_file": "in_file"}, outputs={"out_file": "out_file"}
    )
    sink = Node(DataSink(base_directory=str(out_dir / "sink")), name="sink")
    join = JoinNode(
        Function(function=join_subjects, output_names=["out_file"]),
        joinsource="subject",
        joinfield="in_files",
        name="join",
    )
    together = Node(DataSink(base_directory=str(out_dir / "sink")), name="together")
    workflow = Workflow(name=name)
    # The settings that the masker needs travel with it only where it is run by itself.
    workflow.config = masker.config
    workflow.connect(
        [
            (subject, select, [("subject", "subject")]),
            (subject, sink, [("subject", "container")]),
            (select, masker, [("bold", "inputnode.in_file")]),
            (fit, masker, [("operator_file", "inputnode.operator_files")]),
            (masker, sink, [("outputnode.timeseries_files", "signals")]),
            (masker, sink, [("outputnode.fault_file", "faults")]),  # undefined where all is well
            (masker, join, [("outputnode.timeseries_files", "in_files")]),
            (join, together, [("out_file", "all")]),
        ]
    )
    return workflow


def main() -> None:
    """Build the graph from the command line's arguments and run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("data", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("subjects", nargs="+")
    parser.add_argument(
        "--plugin",
        default="MapsmaskerMultiProc",
        help="Linear, MultiProc, MapsmaskerMultiProc, MapsmaskerSLURM ...",
    )
    given = parser.parse_args()
    out_dir = given.out_dir.absolute()
    workflow = init_own_wf(
        given.data.absolute(), given.maps.absolute(), out_dir, list(given.subjects)
    )
    workflow.base_dir = str(out_dir / "work")
    nipype_mapsmasker.plugins.register()
    plugin_args = {"poll_sleep_duration": 0.5} if "SLURM" in given.plugin else {}
    workflow.run(plugin=given.plugin, plugin_args=plugin_args)


if __name__ == "__main__":
    main()
