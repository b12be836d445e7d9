# SPDX-License-Identifier: Apache-2.0
"""A result folder: names, manifests, storing, frames."""

__all__: list[str] = []
