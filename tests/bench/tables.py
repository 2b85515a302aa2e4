"""The figures as tables, for a terminal and for the README."""

from __future__ import annotations

from tests.bench.figures import Figures
from tests.bench.rounds import Results

_COLUMNS = {
    "p50 ms": ("p50", 1),
    "p95": ("p95", 1),
    "p99": ("p99", 1),
    "+ ms": ("added", 1),
    "x direct": ("ratio", 2),
    "tasks/s": ("rate", 1),
    "CPU ms": ("cpu", 2),
    "calls": ("calls", 2),
    "conn/1000": ("connections", 1),
    "tokens": ("tokens", 2),
    "MB": ("memory", 0),
    "given up": ("given_up", 0),
    "errors": ("errors", 0),
}


def terminal(results: Results, ceiling: float) -> str:
    """Return a table for each load."""
    lines = []
    for load, row in results.items():
        lines.append(f"\n{load:<16}" + "".join(f"{head:>10}" for head in _COLUMNS))
        for name, figures in row.items():
            lines.append(f"{name:<16}" + "".join(f"{cell:>10}" for cell in _cells(figures)))
    return "\n".join(lines)


def _cells(figures: Figures) -> list[str]:
    values = [(getattr(figures, name), digits) for name, digits in _COLUMNS.values()]
    return ["-" if value is None else f"{value:,.{digits}f}" for value, digits in values]
