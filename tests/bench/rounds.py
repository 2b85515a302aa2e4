"""The rounds of a run: in each, every load goes from one contender to the next.

So all of them are measured in the same weather of a machine that has other things to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.figures import Figures, compared, medians
from tests.bench.load import Load
from tests.bench.stand import DIRECT, Stand

LOADS = (
    Load("1/s", rate=1),
    Load("20/s", rate=20),
    Load("50", clients=50),
    Load("200", clients=200),
    Load("1000", clients=1000),
    Load("50, no latency", clients=50, latency=False),
)
#: What each contender bears before anything is measured: programs are slow at first.
RUN_IN = Load("run-in", clients=50)
#: What the load and the upstream bear without anybody between them.
CEILING = Load("ceiling", clients=50, latency=False)

#: Figures by load and contender.
Results = dict[str, dict[str, Figures]]


@dataclass(frozen=True)
class Plan:
    """How long all of it takes."""

    rounds: int
    #: Seconds of each window, and of the same load before it.
    seconds: float
    warm_up: float
    run_in: float


async def measure(
    stand: Stand,
    names: Sequence[str],
    loads: Sequence[Load],
    plan: Plan,
    tell: Callable[[str], None],
) -> tuple[float, Results]:
    """Return the ceiling in calls per second, and the medians of all rounds."""
    ceiling = await stand.measure(DIRECT, CEILING, warm_up=0.5, seconds=plan.seconds, seed=0)
    tell(f"The rig bears {ceiling.rate:,.0f} calls a second on its own.")
    for name in names:
        await stand.ready(name)
        await stand.measure(name, RUN_IN, warm_up=0, seconds=plan.run_in, seed=0)
        tell(f"{name} has run in.")

    rounds: list[Results] = []
    for number in range(plan.rounds):
        first = number % len(names)
        order = (DIRECT, *names[first:], *names[:first])
        results: Results = {}
        for load in loads:
            told: dict[str, Figures] = {}
            results[load.name] = told
            for name in order:
                measured = await stand.measure(
                    name, load, warm_up=plan.warm_up, seconds=plan.seconds, seed=number
                )
                told[name] = compared(measured, told.get(DIRECT, measured))
                tell(f"round {number + 1}, {load.name}, {name}: {_line(told[name])}")
        rounds.append(results)
    return ceiling.rate, {
        load.name: {
            name: medians([results[load.name][name] for results in rounds])
            for name in (DIRECT, *names)
        }
        for load in loads
    }


def _line(figures: Figures) -> str:
    p50 = "-" if figures.p50 is None else f"{figures.p50:.1f} ms"
    return f"{p50}, {figures.rate:.1f}/s" + (f", {figures.errors} errors" * bool(figures.errors))
