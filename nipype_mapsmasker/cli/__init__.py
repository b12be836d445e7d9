# SPDX-License-Identifier: Apache-2.0
"""The command line: parse, plan, build, run, summarise."""

__all__: list[str] = []
