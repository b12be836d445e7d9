# SPDX-License-Identifier: Apache-2.0
"""Images on disk: headers, streams, writing, and formats read through nibabel."""

__all__: list[str] = []
