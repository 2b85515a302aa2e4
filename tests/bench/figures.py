"""The figures of a load: what a task took, what it cost, and what it did to the upstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

from tests.bench.load import Outcome

#: Answers below which a quantile says nothing.
_ENOUGH = {50: 1, 95: 20, 99: 100}


@dataclass(frozen=True)
class Figures:
    """One target under one load; times in ms, None where there is nothing to tell."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    #: Tasks that had no answer in the end, and the ms from which on they hide the true quantiles.
    given_up: int = 0
    known_to: float | None = None
    #: p50 over that of the same round's direct calls, as a difference and as a ratio.
    added: float | None = None
    ratio: float | None = None
    #: Tasks answered per second.
    rate: float = 0
    #: Milliseconds of CPU per task, of all processes of the target.
    cpu: float | None = None
    #: Calls of the upstream that a task waits for, at most; exact where no two tasks overlap.
    calls: float | None = None
    #: Connections opened at the upstream per 1,000 tasks.
    connections: float | None = None
    #: Session tokens minted per task.
    tokens: float | None = None
    #: MB.
    memory: float | None = None
    errors: int = 0
    #: Percent of the machine that others used meanwhile.
    others: float | None = None

    def hides(self, quantile: str) -> bool:
        """Tell whether a quantile is but a lower bound, because tasks were given up."""
        value = getattr(self, quantile)
        return value is not None and self.known_to is not None and value >= self.known_to


def figures(
    outcome: Outcome,
    whole: Counter[str],
    window: Counter[str],
    *,
    seconds: float,
    cpu: float | None,
    memory: float | None,
    others: float,
) -> Figures:
    """Make the figures of a window: what came of it, and what the upstream recorded.

    That of the ``whole`` load has no tasks that are half inside; that of the ``window`` has
    nothing of the start, when all connections are new.
    """
    waits = sorted([*outcome.latencies, *outcome.given_up])
    told: dict[str, Any] = {
        f"p{percent}": waits[len(waits) * percent // 100] * 1000
        for percent, enough in _ENOUGH.items()
        if len(waits) >= enough
    }
    spoken = whole["spoken"]
    calls, calls_inside = (each["minted"] + each["tasks"] for each in (whole, window))
    if spoken and calls_inside:
        told["calls"] = (whole["tasks"] + whole["waited_for"]) / spoken
        told["connections"] = 1000 * window["connections"] / calls_inside * calls / spoken
        told["tokens"] = whole["minted"] / spoken
    # By the tasks between the very readings of the CPU: on a busy machine those come late.
    if cpu is not None and window["spoken"]:
        told["cpu"] = 1000 * cpu / window["spoken"]
    if outcome.given_up:
        told["known_to"] = 1000 * min(outcome.given_up)
    return Figures(
        **told,
        given_up=len(outcome.given_up),
        rate=outcome.answered / seconds,
        memory=memory,
        others=others,
        errors=sum(outcome.errors.values()),
    )


def compared(one: Figures, direct: Figures) -> Figures:
    """Add how the figures compare with those of the direct calls of the same round."""
    if one.p50 is None or direct.p50 is None:
        return one
    return Figures(**{**asdict(one), "added": one.p50 - direct.p50, "ratio": one.p50 / direct.p50})


def medians(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure, and the sum of what went wrong."""
    told: dict[str, Any] = {}
    for each in fields(Figures):
        values = [value for one in rounds if (value := getattr(one, each.name)) is not None]
        told[each.name] = median(values) if values else None
    for name in ("errors", "given_up"):
        told[name] = sum(getattr(one, name) for one in rounds)
    told["known_to"] = min((one.known_to for one in rounds if one.known_to), default=None)
    return Figures(**told)
