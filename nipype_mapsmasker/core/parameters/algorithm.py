# SPDX-License-Identifier: Apache-2.0
"""The version of the numbers."""

__all__ = ["ALGORITHM"]

ALGORITHM = 3
"""Raised whenever a release changes any number: caches and result folders are then redone."""
