# SPDX-License-Identifier: Apache-2.0
"""Draw docs/figures/cohort_graph.png, the picture of the cohort's workflow.

Needs Graphviz (``apt-get install graphviz``); run it again when the graph changes.
"""

import shutil
import tempfile
from pathlib import Path

from nipype_mapsmasker.workflows import init_cohort_wf

FIGURE = Path(__file__).resolve().parent / "figures" / "cohort_graph.png"
"""The picture."""


def main() -> None:
    """Draw the workflow with its default options and a result folder."""
    workflow = init_cohort_wf(out_dir="results", name="mapsmasker_cohort_wf")
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "graph.png"
        workflow.write_graph(str(drawn), graph2use="orig", format="png", simple_form=True)
        shutil.copyfile(drawn, FIGURE)


if __name__ == "__main__":
    main()
