"""Adds up what the faults did, and says it at the end of the tests."""

from collections import defaultdict

import pytest

LEDGER = pytest.StashKey[dict[str, dict[str, float]]]()


def pytest_configure(config):
    config.stash[LEDGER] = defaultdict(lambda: defaultdict(float))


@pytest.fixture
def ledger(request):
    """Returns a function that notes one fault of a kind, with what it cost.

    Numbers named `longest_…` are maxima; all others are added up.
    """

    def note(kind, **numbers):
        line = request.config.stash[LEDGER][kind]
        line["faults"] += 1
        for name, number in numbers.items():
            is_maximum = name.startswith("longest_")
            line[name] = max(line[name], number) if is_maximum else line[name] + number

    return note


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash[LEDGER]
    if not lines:
        return
    terminalreporter.section("faults tried and survived")
    for kind, numbers in sorted(lines.items()):
        told = ", ".join(f"{name} {number:,.1f}" for name, number in numbers.items())
        terminalreporter.write_line(f"{kind}: {told}")
