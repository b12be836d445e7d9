# SPDX-License-Identifier: Apache-2.0
"""Reports: arrays to figures and pages. matplotlib and jinja2 live here alone."""

__all__: list[str] = []
