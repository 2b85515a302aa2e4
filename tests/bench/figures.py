"""The figures of a load: what a task took, what it cost, and what it did to the upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

from tests.bench.load import Outcome

#: Answers below which a quantile says nothing.
_ENOUGH = {50: 1, 95: 20, 99: 100}


@dataclass(frozen=True)
class Figures:
    """One contender under one load; times in ms, None where there is nothing to tell."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    #: Whether tasks were given up, so that the true quantiles are higher.
    given_up: float = 0
    #: p50 over that of the same round's direct calls, as a difference and as a ratio.
    added: float | None = None
    ratio: float | None = None
    #: Tasks answered per second.
    rate: float = 0
    #: Milliseconds of CPU per task, of all processes of the contender.
    cpu: float | None = None
    #: Calls of the upstream that a task waits for.
    calls: float | None = None
    #: Connections opened at the upstream per 1,000 tasks.
    connections: float | None = None
    #: Session tokens minted per task.
    tokens: float | None = None
    #: MB.
    memory: float | None = None
    errors: float = 0


def figures(
    outcome: Outcome,
    record: dict[str, int],
    *,
    seconds: float,
    cpu: float | None,
    memory: float | None,
) -> Figures:
    """Make the figures of a window: what came of it, and what the upstream recorded in it."""
    waits = sorted([*outcome.latencies, *outcome.given_up])
    quantiles = {
        f"p{percent}": waits[len(waits) * percent // 100] * 1000
        for percent, enough in _ENOUGH.items()
        if len(waits) >= enough
    }
    spoken = record["spoken"] or None
    return Figures(
        **quantiles,
        given_up=len(outcome.given_up),
        rate=outcome.answered / seconds,
        cpu=1000 * cpu / outcome.answered if cpu and outcome.answered else None,
        calls=spoken and (record["tasks"] + record["waited_for"]) / spoken,
        connections=spoken and 1000 * record["connections"] / spoken,
        tokens=spoken and record["minted"] / spoken,
        memory=memory,
        errors=sum(outcome.errors.values()),
    )


def compared(one: Figures, direct: Figures) -> Figures:
    """Add how the figures compare with those of the direct calls of the same round."""
    if one.p50 is None or direct.p50 is None:
        return one
    return Figures(**{**asdict(one), "added": one.p50 - direct.p50, "ratio": one.p50 / direct.p50})


def medians(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure, and all errors."""
    told: dict[str, Any] = {}
    for each in fields(Figures):
        values = [value for one in rounds if (value := getattr(one, each.name)) is not None]
        told[each.name] = median(values) if values else None
    for name in ("errors", "given_up"):
        told[name] = sum(getattr(one, name) for one in rounds)
    return Figures(**told)
