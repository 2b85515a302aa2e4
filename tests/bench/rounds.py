"""The rounds of a run: in each, every load goes from one contender to the next.

So all of them are measured in the same weather of a machine that has other things to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.figures import Figures, compared, medians
from tests.bench.harness import DIRECT, Stand
from tests.bench.load import Load

LOADS = ("1/s", "20/s", "50", "200", "1000", "50-0ms")
#: What each contender bears before anything is measured: programs are slow at first.
RUN_IN = Load(clients=20)
#: What the load and the upstream bear without anybody between them.
CEILING = Load(clients=50, latency=False)


@dataclass(frozen=True)
class Plan:
    """How long all of it takes."""

    rounds: int
    #: Seconds of each window, and of the same load before it.
    seconds: float
    warm_up: float
    run_in: float


@dataclass(frozen=True)
class Results:
    """What a run has found."""

    #: Calls per second that load and upstream bear with nobody between them.
    ceiling: float
    #: Medians of all rounds, by load and contender.
    figures: dict[str, dict[str, Figures]]


async def measure(
    stand: Stand,
    names: Sequence[str],
    loads: Mapping[str, Load],
    plan: Plan,
    tell: Callable[[str], None],
) -> Results:
    """Measure all, and tell how it goes."""
    for name in names:
        await stand.ready(name)
    brief = min(2, plan.seconds)
    ceiling = await stand.measure(DIRECT, CEILING, warm_up=0.5, seconds=brief, seed=0)
    tell(f"Load and upstream alone bear {ceiling.rate:,.0f} calls a second.")

    async def run_in(name: str) -> None:
        await stand.measure(name, RUN_IN, warm_up=0, seconds=plan.run_in, seed=0)

    for name in names:
        await run_in(name)

    rounds: dict[str, dict[str, list[Figures]]] = {load: {} for load in loads}
    for number in range(plan.rounds):
        first = number % max(1, len(names))
        order = (DIRECT, *names[first:], *names[:first])
        for load_name, load in loads.items():
            for name in order:
                figures = await stand.measure(
                    name,
                    load,
                    warm_up=plan.warm_up,
                    seconds=plan.seconds * load.longer,
                    seed=number,
                )
                if figures.given_up and name != DIRECT:
                    await run_in(name)  # it was started anew
                so_far = rounds[load_name]
                direct = so_far[DIRECT][number] if name != DIRECT else figures
                so_far.setdefault(name, []).append(compared(figures, direct))
                tell(f"round {number + 1}, {load.title}, {name}: {_line(figures)}")
    medians_of_all = {
        load: {name: medians(so_far[name]) for name in (DIRECT, *names)}
        for load, so_far in rounds.items()
    }
    rates = [each.rate for so_far in rounds.values() for each in so_far[DIRECT]]
    return Results(max(ceiling.rate, *rates), medians_of_all)


def _line(figures: Figures) -> str:
    p50 = "-" if figures.p50 is None else f"{figures.p50:.1f} ms"
    return f"{p50}, {figures.rate:.1f}/s" + (f", {figures.errors} errors" * bool(figures.errors))
