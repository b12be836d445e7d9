# SPDX-License-Identifier: Apache-2.0
"""One function per interface: files in, files out."""

__all__: list[str] = []
