# SPDX-License-Identifier: Apache-2.0
"""Run the command line as ``python -m nipype_mapsmasker``."""

import sys

from nipype_mapsmasker.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
