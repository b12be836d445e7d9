# SPDX-License-Identifier: Apache-2.0
"""BIDS folders: names, an index, what belongs to an image, and which images to take."""

__all__: list[str] = []
