# SPDX-License-Identifier: Apache-2.0
"""NumPy and SciPy only: arrays in, arrays out."""
