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
    main({words})
"""

RUN_HELP = HELP.format(words=["run", "--help"])
HELP = (
    HELP.format(words=["--help"])
    + """
import sys
assert "nipype_mapsmasker.core.parameters" not in sys.modules  # no command's options
"""
)


@pytest.mark.parametrize(
    "code", ["import nipype_mapsmasker", HELP, RUN_HELP], ids=["import", "help", "run help"]
)
def test_loads_nothing_heavy(code):
    check = (
        f"{code}\nimport sys\nprint('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "LOADED []"
