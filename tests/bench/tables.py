"""Tables of the figures: all of them for a terminal, the main ones for tests/README.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.figures import Figures
from tests.bench.load import Load
from tests.bench.rounds import Results

#: Share of the ceiling above which the harness, not the target, limits the rate.
_NEAR = 0.7


@dataclass(frozen=True)
class _Column:
    head: str
    name: str
    digits: int = 0

    def cell(self, figures: Figures, ceiling: float) -> str:
        value = getattr(figures, self.name)
        if value is None:
            return "-"
        shown = f"{value:,.{self.digits}f}"
        quantile = "p50" if self.name in {"added", "ratio"} else self.name
        if quantile.startswith("p") and figures.hides(quantile):
            return f">{shown}"
        return shown + "*" * (self.name == "rate" and _limited(figures, ceiling))


def _limited(figures: Figures, ceiling: float) -> bool:
    return figures.rate * (1 + (figures.tokens or 0)) > _NEAR * ceiling


#: Further columns of the README's table, each one figure under one load.
_README = {
    "tasks/s, 200 in flight": ("200", _Column("", "rate")),
    "tasks/s, 1,000 in flight": ("1000", _Column("", "rate")),
    "CPU ms per task, 200 in flight": ("200", _Column("", "cpu", 2)),
    "connections per 1,000 tasks": ("50", _Column("", "connections")),
    "MB": ("50", _Column("", "memory")),
    "calls waited for": ("1/s", _Column("", "calls", 2)),
    "tokens per task": ("20/s", _Column("", "tokens", 2)),
}
_COLUMNS = (
    _Column("p50 ms", "p50", 1),
    _Column("p95 ms", "p95", 1),
    _Column("p99 ms", "p99", 1),
    _Column("added ms", "added", 1),
    _Column("x direct", "ratio", 2),
    _Column("tasks/s", "rate", 1),
    _Column("CPU ms", "cpu", 2),
    _Column("waits", "calls", 2),
    _Column("conn/1000", "connections"),
    _Column("tokens", "tokens", 2),
    _Column("MB", "memory"),
    _Column("given up", "given_up"),
    _Column("errors", "errors"),
    _Column("others %", "others"),
)
_NOTE = """
waits: upstream calls that a task waits for, at most. conn/1000: connections opened to the upstream
per 1,000 tasks. tokens: created per task. >: a lower bound, as tasks were given up. *: near the
ceiling, limited by the harness. others: CPU of other programs, in percent of the machine."""


def markdown(results: Results, titles: Mapping[str, str]) -> str:
    """Return a Markdown table with a row for each target, in the order of ``titles``."""
    loads = {name: load for name in results.figures if (load := Load.named(name)).latency}
    more = {head: one for head, one in _README.items() if one[0] in results.figures}
    heads = ["p50 / p95 in ms", *(load.title for load in loads.values()), *more]
    rows = [heads, ["---", *("--:" for _ in heads[1:])]]
    for name, title in titles.items():
        row = [title]
        for load_name in loads:
            figures = results.figures[load_name][name]
            row.append(" / ".join(_Column("", each).cell(figures, 0) for each in ("p50", "p95")))
        for load_name, column in more.values():
            row.append(column.cell(results.figures[load_name][name], results.ceiling))
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def terminal(results: Results) -> str:
    """Return a plain-text table of all figures for each load."""
    lines = [f"Load and upstream alone: {results.ceiling:,.0f} calls/s"]
    for load, row in results.figures.items():
        lines += [
            "",
            f"{Load.named(load).title:<22}" + "".join(f"{each.head:>10}" for each in _COLUMNS),
        ]
        for name, figures in row.items():
            cells = (each.cell(figures, results.ceiling) for each in _COLUMNS)
            lines.append(f"{name:<22}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join([*lines, _NOTE])


def replace_table(readme: str, name: str, table: str) -> str:
    """Return the README with ``table`` between the markers of that name.

    Raises ValueError if the README lacks them.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, _, rest = readme.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise ValueError(
            f"tests/README.md has no line {begin!r} that is followed by a line {end!r}."
        )

    return f"{before}{begin}{table}\n{end}{after}"
