# SPDX-License-Identifier: Apache-2.0
"""The only place where paths become arrays, and arrays files."""

__all__: list[str] = []
