"""The figures of one load: latency, CPU and memory, and calls of the upstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

from tests.bench.load import Outcome

#: Minimum number of answers for each percentile.
_ENOUGH = {50: 1, 95: 20, 99: 100}


@dataclass(frozen=True)
class Figures:
    """One target under one load; times in ms, None for a figure that was not measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    #: Tasks without an answer, and the shortest of their waits in ms: percentiles above it are
    #: lower bounds.
    given_up: int = 0
    known_to: float | None = None
    #: p50 compared with the direct calls of the same round, as a difference and as a ratio.
    added: float | None = None
    ratio: float | None = None
    #: Tasks answered per second.
    rate: float = 0
    #: Milliseconds of CPU per task, of all processes of the target.
    cpu: float | None = None
    #: Upstream calls that a task waits for: an upper bound, exact if no two tasks overlap.
    calls: float | None = None
    #: Connections opened at the upstream per 1,000 tasks.
    connections: float | None = None
    #: Session tokens created per task.
    tokens: float | None = None
    #: In MB.
    memory: float | None = None
    errors: int = 0
    #: CPU that other programs used meanwhile, in percent of the machine.
    others: float | None = None

    def hides(self, quantile: str) -> bool:
        """Return whether a percentile is only a lower bound, because tasks were given up."""
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
    """Compute the figures of a measurement from its outcome and the upstream's records.

    The record of the ``whole`` load has no task that is only partly inside it. The record of the
    ``window`` leaves out the start, when all connections are new.
    """
    waits = sorted([*outcome.latencies, *outcome.given_up])
    values: dict[str, Any] = {
        f"p{percent}": waits[len(waits) * percent // 100] * 1000
        for percent, enough in _ENOUGH.items()
        if len(waits) >= enough
    }
    spoken = whole["spoken"]
    calls, calls_inside = (each["minted"] + each["tasks"] for each in (whole, window))
    if spoken and calls_inside:
        values["calls"] = (whole["tasks"] + whole["waited_for"]) / spoken
        values["connections"] = 1000 * window["connections"] / calls_inside * calls / spoken
        values["tokens"] = whole["minted"] / spoken
    # Divide by the tasks between the two CPU readings, which come late on a busy machine.
    if cpu is not None and window["spoken"]:
        values["cpu"] = 1000 * cpu / window["spoken"]
    if outcome.given_up:
        values["known_to"] = 1000 * min(outcome.given_up)
    return Figures(
        **values,
        given_up=len(outcome.given_up),
        rate=outcome.answered / seconds,
        memory=memory,
        others=others,
        errors=sum(outcome.errors.values()),
    )


def compared(one: Figures, direct: Figures) -> Figures:
    """Return the figures with the difference and the ratio to the round's direct calls."""
    if one.p50 is None or direct.p50 is None:
        return one
    return Figures(**{**asdict(one), "added": one.p50 - direct.p50, "ratio": one.p50 / direct.p50})


def medians(rounds: Sequence[Figures]) -> Figures:
    """Return the median of each figure, and the sums of errors and of tasks given up."""
    result: dict[str, Any] = {}
    for each in fields(Figures):
        values = [value for one in rounds if (value := getattr(one, each.name)) is not None]
        result[each.name] = median(values) if values else None
    for name in ("errors", "given_up"):
        result[name] = sum(getattr(one, name) for one in rounds)
    result["known_to"] = min((one.known_to for one in rounds if one.known_to), default=None)
    return Figures(**result)
