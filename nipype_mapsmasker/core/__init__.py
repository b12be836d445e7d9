# SPDX-License-Identifier: Apache-2.0
"""NumPy and SciPy only: arrays in, arrays out."""

__all__: list[str] = []
