# SPDX-License-Identifier: Apache-2.0
"""Tables on disk: confounds, sample masks, labels, signals, coverage."""

__all__: list[str] = []
