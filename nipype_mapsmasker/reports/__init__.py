# SPDX-License-Identifier: Apache-2.0
"""Reports: arrays to pages, and, where somebody asks for them, to matplotlib figures."""

__all__: list[str] = []
