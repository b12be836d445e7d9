# SPDX-License-Identifier: Apache-2.0
"""Strategies of denoising: which regressors, and which volumes."""

__all__: list[str] = []
