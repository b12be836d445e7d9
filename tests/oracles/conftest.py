# SPDX-License-Identifier: Apache-2.0
"""Count, at the end of a run, what became of nilearn's own tests."""

from __future__ import annotations

from collections import Counter

import pytest

PROPERTY = "nilearn's own test"
"""Under this name a test records (module, function, kind, reason); see the summary for kinds."""


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks that nilearn's test modules use."""
    for mark in ("ai_generated", "flaky", "single_process", "thread_unsafe", "timeout"):
        config.addinivalue_line("markers", f"{mark}: nilearn's, without meaning here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the count, then each test that is not used as it is, with its reason."""
    rows, outcomes = {}, Counter()
    for outcome in ("passed", "failed", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, row in getattr(report, "user_properties", []):
                if name == PROPERTY:
                    rows[tuple(row)] = outcome
                    outcomes[outcome] += 1
    if not rows:
        return
    terminalreporter.section("nilearn's own tests, run on ours")
    for module in sorted({row[0] for row in rows}):
        kinds = Counter(row[2] for row in rows if row[0] == module)
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("as it is", "adapted", "refused"))
        failed = sum(rows[row] == "failed" for row in rows if row[0] == module)
        terminalreporter.line(f"{module}: {counts}; {failed} of these functions failed")
    for module, name, kind, reason in sorted(row for row in rows if row[3]):
        terminalreporter.line(f"  {kind}: {module}.{name}: {reason}")
