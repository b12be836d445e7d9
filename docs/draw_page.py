# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/figures/page.png, the README's picture of a run's page, from the demo.

Needs Chromium (``apt-get install chromium``) and Pillow; run it again when the pages change.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FIGURE = Path(__file__).resolve().parent / "figures" / "page.png"
"""The picture."""

WINDOW, SHOWN, COLOURS = (1100, 1645), 720, 128
"""Size of the page in pixels, width of the picture, number of its colours."""


def main() -> None:
    """Run the demo, and photograph the first run's page."""
    with tempfile.TemporaryDirectory(prefix="demo") as folder:
        command = [sys.executable, "-m", "nipype_mapsmasker", "demo", "demo_out", "-q"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (page,) = Path(folder).glob("demo_out/results/sub-01/figures/*_report.html")
        # The folder that this was made in is of no interest: as if it were where the reader is.
        text = page.read_text(encoding="utf-8").replace(f"{Path(folder).resolve()}/", "")
        page.write_text(text, encoding="utf-8")
        photo = Path(folder) / "page.png"
        chromium = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars"]
        chromium += [f"--window-size={WINDOW[0]},{WINDOW[1]}", "--virtual-time-budget=4000"]
        subprocess.run(
            [*chromium, f"--screenshot={photo}", page.as_uri()], check=True, capture_output=True
        )
        with Image.open(io.BytesIO(photo.read_bytes())) as picture:
            size = (SHOWN, WINDOW[1] * SHOWN // WINDOW[0])
            small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(FIGURE, optimize=True)


if __name__ == "__main__":
    main()
