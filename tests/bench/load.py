"""Open and closed loads of tasks, and the latencies that they measure.

An open load (``20/s``) sends its tasks on schedule, however slow the answers are.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.bench.pages import Endpoint, Pages, pages

#: Seconds after which a task without an answer is given up.
PATIENCE = 5.0
#: Seconds over which the clients of a closed load start, so that they do not stay in lockstep.
_SPREAD = 0.25


@dataclass
class Outcome:
    """The outcome of a load within its window."""

    #: Seconds from a task's scheduled moment to its answer.
    latencies: list[float] = field(default_factory=list)
    #: Seconds that each task given up had waited.
    given_up: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    #: Tasks answered inside the window, whenever they were due.
    answered: int = 0


@dataclass(frozen=True)
class Load:
    """``rate`` tasks per second on schedule, or ``clients`` that each wait for their answer."""

    rate: int = 0
    clients: int = 0
    #: Whether the vendor has its usual latency; False shows only what the target adds.
    latency: bool = True

    @classmethod
    def named(cls, name: str) -> Load:
        """Parse a load such as ``20/s`` or ``50``, optionally with ``-0ms`` for no latency."""
        named = re.fullmatch(r"([1-9]\d*)(/s)?(-0ms)?", name)
        if named is None:
            raise ValueError(name)
        number, latency = int(named[1]), not named[3]
        return cls(rate=number, latency=latency) if named[2] else cls(0, number, latency)

    @property
    def title(self) -> str:
        """Title in a table."""
        tasks = "task" if self.rate == 1 else "tasks"
        title = f"{self.rate} {tasks}/s" if self.rate else f"{self.clients:,} in flight"
        return title if self.latency else f"{title}, 0 ms"

    @property
    def longer(self) -> int:
        """Factor of the measurement's length that a low rate needs for enough tasks."""
        return max(1, 4 // self.rate) if self.rate else 1

    async def make(
        self, endpoint: Endpoint, *, warm_up: float, seconds: float, seed: int
    ) -> Outcome:
        """Put an endpoint under load for ``warm_up`` and ``seconds``, and wait for open tasks."""
        begin = time.monotonic() + warm_up
        async with pages(endpoint) as opened:
            window = _Window(opened, begin, begin + seconds, by_due=bool(self.rate))
            if self.rate:
                moments = _moments(self.rate, (warm_up, seconds), seed)
                runs = window.open(begin - warm_up + moment for moment in moments)
            else:
                runs = window.closed(self.clients)
            return await window.outcome([asyncio.ensure_future(run) async for run in runs])


def _moments(rate: int, spans: tuple[float, ...], seed: int) -> Iterator[float]:
    """Yield random moments with ``rate`` in each span, the same for every target."""
    chance = random.Random(seed)
    begin = 0.0
    for span in spans:
        yield from sorted(begin + chance.random() * span for _ in range(round(rate * span)))
        begin += span


class _Window:
    """A running load and the window in which its tasks are counted."""

    def __init__(self, opened: Pages, begin: float, end: float, *, by_due: bool) -> None:
        self._pages = opened
        self._begin, self._end = begin, end
        #: Whether to count the tasks that are due inside, or those in flight inside.
        self._by_due = by_due
        self._waiting: dict[object, float] = {}
        self._outcome = Outcome()

    async def open(self, moments: Iterator[float]) -> AsyncIterator[Coroutine[Any, Any, None]]:
        """Yield a task at each moment, without waiting for the answers."""
        for due in moments:
            await asyncio.sleep(max(0, due - time.monotonic()))
            yield self._speak(due)

    async def closed(self, clients: int) -> AsyncIterator[Coroutine[Any, Any, None]]:
        """Yield clients that send their next task as soon as the last one is answered."""

        async def client() -> None:
            while (now := time.monotonic()) < self._end:
                await self._speak(now)

        for _ in range(clients):
            yield client()
            await asyncio.sleep(_SPREAD / clients)

    async def _speak(self, due: float) -> None:
        task = object()
        self._waiting[task] = due
        wrong = await self._pages.speak()
        del self._waiting[task]
        now = time.monotonic()
        if wrong is not None:
            if now >= self._begin:
                self._outcome.errors[wrong] += 1
            await asyncio.sleep(0.05)  # no busy loop if a target is down
            return

        self._outcome.answered += self._begin <= now < self._end
        if (due if self._by_due else now) >= self._begin:
            self._outcome.latencies.append(now - due)

    async def outcome(self, running: list[asyncio.Future[None]]) -> Outcome:
        """Wait for the answers, cancel the tasks without one, and return the outcome."""
        if running:
            left = max(0, self._end - time.monotonic()) + PATIENCE
            await asyncio.wait(running, timeout=left)
        now = time.monotonic()
        counted = [due for due in self._waiting.values() if due >= self._begin or not self._by_due]
        self._outcome.given_up = [now - due for due in counted]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return self._outcome
