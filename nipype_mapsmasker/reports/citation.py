# SPDX-License-Identifier: Apache-2.0
"""``logs/CITATION.md``: the methods text of a result folder, with references, to copy."""

from __future__ import annotations

from pathlib import Path

from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.reports.folder import stored_pages
from nipype_mapsmasker.reports.load import load_run
from nipype_mapsmasker.reports.methods import methods_text

__all__ = ["write_citation"]

HEAD = """\
# Methods

What was done, in words for a paper, and what to cite. Counts of volumes, confounds and degrees of
freedom are those of {run_id}; each run's page has its own.
Cite the atlas and the preprocessing as well.
"""
"""How the file begins."""


def write_citation(out_dir: str | Path, run_id: str) -> Path:
    """
    Write the methods text of a result folder.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        A run that is done; the others were treated alike.

    Returns
    -------
    Path
        ``logs/CITATION.md``.
    """
    parts = [HEAD.format(run_id=run_id)]
    for _, files, sidecar in stored_pages(out_dir, run_id):
        run = load_run(run_id, files, sidecar, with_pictures=False)
        text = methods_text(run)
        title = " and ".join(filter(None, [f"Atlas {run.atlas}", run.strategy]))
        references = [f"{number}. {line}" for number, line in enumerate(text.references, 1)]
        parts += [f"## {title}\n", *(f"{line}\n" for line in text.paragraphs)]
        parts.append("\n".join(references) + "\n")
    path = Path(out_dir) / "logs" / "CITATION.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")
    return path
