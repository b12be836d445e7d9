# SPDX-License-Identifier: Apache-2.0
"""A cohort from request to results: inputs, plan, execution, tables."""

__all__: list[str] = []
