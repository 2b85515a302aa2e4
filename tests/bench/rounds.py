"""The rounds of a benchmark: each puts every load on every target in turn.

Thus all targets meet the same conditions, even on a machine that other programs use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.figures import Figures, compared, medians
from tests.bench.harness import DIRECT, Harness
from tests.bench.load import Load

LOADS = ("1/s", "20/s", "50", "200", "1000", "50-0ms")
#: Warms up a target that has just started.
RUN_IN = Load(clients=20)
#: Measures the limit of the load generator and the upstream, without a target.
CEILING = Load(clients=50, latency=False)


@dataclass(frozen=True)
class Plan:
    """The number of rounds and their durations."""

    rounds: int
    #: In seconds: each measured window, the same load before it, and the first load of all.
    seconds: float
    warm_up: float
    run_in: float


@dataclass(frozen=True)
class Results:
    """The results of all rounds."""

    #: Calls per second that the load generator and the upstream reach without a target.
    ceiling: float
    #: Medians of all rounds, by load and target.
    figures: dict[str, dict[str, Figures]]


async def measure(
    harness: Harness,
    names: Sequence[str],
    loads: Mapping[str, Load],
    plan: Plan,
    report: Callable[[str], None],
) -> Results:
    """Measure all targets; call ``report`` with a line of progress for each measurement."""
    for name in names:
        await harness.ready(name)
    brief = min(2, plan.seconds)
    ceiling = await harness.measure(DIRECT, CEILING, warm_up=0.5, seconds=brief, seed=0)
    report(f"Load and upstream alone: {ceiling.rate:,.0f} calls a second.")

    async def run_in(name: str) -> None:
        await harness.measure(name, RUN_IN, warm_up=0, seconds=plan.run_in, seed=0)

    for name in names:
        await run_in(name)

    rounds: dict[str, dict[str, list[Figures]]] = {load: {} for load in loads}
    for number in range(plan.rounds):
        first = number % max(1, len(names))
        order = (DIRECT, *names[first:], *names[:first])
        for load_name, load in loads.items():
            for name in order:
                figures = await harness.measure(
                    name,
                    load,
                    warm_up=plan.warm_up,
                    seconds=plan.seconds * load.longer,
                    seed=number,
                )
                if figures.given_up and name != DIRECT:
                    await run_in(name)  # it was restarted
                so_far = rounds[load_name]
                direct = so_far[DIRECT][number] if name != DIRECT else figures
                so_far.setdefault(name, []).append(compared(figures, direct))
                report(f"round {number + 1}, {load.title}, {name}: {_line(figures)}")
    medians_of_all = {
        load: {name: medians(so_far[name]) for name in (DIRECT, *names)}
        for load, so_far in rounds.items()
    }
    rates = [each.rate for so_far in rounds.values() for each in so_far[DIRECT]]
    return Results(max(ceiling.rate, *rates), medians_of_all)


def _line(figures: Figures) -> str:
    p50 = "-" if figures.p50 is None else f"{figures.p50:.1f} ms"
    return f"{p50}, {figures.rate:.1f}/s" + (f", {figures.errors} errors" * bool(figures.errors))
