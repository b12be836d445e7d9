# SPDX-License-Identifier: Apache-2.0
"""Help comes at once: neither the package nor its command's help loads the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = ["matplotlib", "nibabel", "nipype", "numpy", "pandas", "scipy"]
"""Libraries that take long to load."""

HELP = """
import contextlib
from nipype_mapsmasker.cli.main import main
with contextlib.suppress(SystemExit):
    main(["--help"])
"""


@pytest.mark.parametrize("code", ["import nipype_mapsmasker", HELP], ids=["import", "help"])
def test_loads_nothing_heavy(code):
    check = (
        f"{code}\nimport sys\nprint('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "LOADED []"
