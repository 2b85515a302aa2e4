"""The report of a soak: in full for a terminal, the main rows for tests/README.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.soak.checks import Open, Violations
from tests.bench.soak.interviews import CUT, SUCCESS, Answer
from tests.bench.soak.workers import Life

#: The fields of Violations that are lists.
_LISTS = ("lost", "doubled", "false", "leaked")


@dataclass(frozen=True)
class Report:
    """The results of a soak."""

    interviews: int
    minutes: float
    #: Answers by route and code.
    answers: dict[str, int]
    #: Latency of spoken tasks, in ms.
    p50: float | None
    p99: float | None
    violations: Violations
    still_open: Open
    #: Calls of the vendor by name and status.
    calls: dict[str, int]
    minted: int
    #: Requests that browsers sent again.
    resent: int
    spoken: int
    reloads: int
    kills: int
    lives: list[Life]
    #: Number of uncaught exceptions in the server's log.
    tracebacks: int

    @property
    def answers_of_tasks(self) -> Counter[str]:
        """The answers to tasks, by code."""
        tasks = {key: times for key, times in self.answers.items() if key.startswith("task ")}
        return Counter({key.partition(" ")[2]: times for key, times in tasks.items()})

    @property
    def refused(self) -> int:
        """Number of calls that the vendor refused for an expired token."""
        return sum(times for key, times in self.calls.items() if key.endswith(" 401"))

    @property
    def faults(self) -> int:
        """Number of calls that the vendor failed, rate-limited or left unanswered."""
        bad = ("429", "500", "502", "None")
        return sum(times for key, times in self.calls.items() if key.rpartition(" ")[2] in bad)

    @property
    def lasting(self) -> list[Life]:
        """The workers that lived long enough to measure their growth."""
        return [life for life in self.lives if life.growth is not None]


def counted(answers: Sequence[Answer]) -> dict[str, int]:
    """Count answers by route and code."""
    return dict(Counter(f"{each.route} {each.code}" for each in answers).most_common())


def quantiles(answers: Sequence[Answer]) -> tuple[float | None, float | None]:
    """Return the median and the 99th percentile of the latency of spoken tasks, in ms."""
    well = [each for each in answers if (each.route, each.code) == ("task", SUCCESS)]
    took = sorted(each.seconds * 1000 for each in well)
    if not took:
        return None, None
    return took[len(took) // 2], took[len(took) * 99 // 100]


def terminal(kind: str, report: Report) -> str:
    """Return the full report as plain text."""
    violations, still_open = report.violations, report.still_open
    rows: dict[str, object] = {
        "interviews at once": report.interviews,
        "minutes": round(report.minutes, 2),
        "reloads, workers killed": _list(report.reloads, report.kills),
        "spoken": report.spoken,
        "p50, p99 in ms": _list(report.p50 or 0, report.p99 or 0),
        **{name: len(getattr(violations, name)) for name in _LISTS},
        "tokens used twice": violations.used_twice,
        "tracebacks": report.tracebacks,
        "sessions open, their start cut": still_open.cut,
        "sessions open, their start in doubt": still_open.in_doubt,
        "sessions open, their stop failed": still_open.unstopped,
        "tokens created, refused": _list(report.minted, report.refused),
        "requests sent again by browsers": report.resent,
        "answers": _counts(report.answers),
        "vendor": _counts(report.calls),
    }
    lines = [kind, *(f"  {name}: {value}" for name, value in rows.items())]
    for life in report.lives:
        growth = "" if life.growth is None else f", {life.growth:+.1f} MB/h"
        lines.append(
            f"  worker for {life.seconds:.0f} s: {life.begin.memory:.0f} to "
            f"{life.end.memory:.0f} MB{growth}, up to {life.threads} threads and "
            f"{life.sockets} sockets, {life.end.sockets} at last"
        )
    for name in _LISTS:
        lines += [f"  {name}: {each}" for each in getattr(violations, name)[:5]]
    return "\n".join(lines)


def markdown(reports: Mapping[str, Report]) -> str:
    """Return a Markdown table with a column for each worker class."""
    rows = [
        ["", *(f"{kind}, {each.interviews} interviews" for kind, each in reports.items())],
        ["---", *("--:" for _ in reports)],
    ]
    columns = [_column(each) for each in reports.values()]
    rows += [[name, *(column[name] for column in columns)] for name in columns[0]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _column(report: Report) -> dict[str, str]:
    violations, tasks = report.violations, report.answers_of_tasks
    wrong = (violations.lost, violations.doubled, violations.false)
    lasting = report.lasting
    return {
        "minutes, reloads, workers killed": _list(report.minutes, report.reloads, report.kills),
        "texts spoken, and per second": _list(report.spoken, report.spoken / report.minutes / 60),
        "lost, doubled, misreported": _list(*map(len, wrong)),
        "sessions leaked, tokens used twice, tracebacks": _list(
            len(violations.leaked), violations.used_twice, report.tracebacks
        ),
        "in doubt: `outcome_unknown`, cut connection": _list(tasks["outcome_unknown"], tasks[CUT]),
        "sessions left open, their start in doubt": _list(
            report.still_open.cut + report.still_open.in_doubt
        ),
        "faults of the vendor, expired tokens refused": _list(report.faults, report.refused),
        "p50, p99 in ms": _list(report.p50 or 0, report.p99 or 0),
        "MB of a worker, when warm and at last": _each(
            f"{each.begin.memory:.0f} → {each.end.memory:.0f}" for each in lasting
        ),
        "growth in MB per hour": _each(f"{each.growth:+.1f}" for each in lasting),
        "threads, sockets of a worker at most": _each(
            _list(each.threads, each.sockets) for each in lasting
        ),
    }


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {times}" for key, times in counts.items())


def _list(*numbers: float) -> str:
    return ", ".join(f"{each:,.0f}" for each in numbers)


def _each(cells: Iterable[str]) -> str:
    return "; ".join(cells) or "-"
