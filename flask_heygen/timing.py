"""The time that one request spends on calls to the vendor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Milliseconds by name: ``upstream`` for all calls, ``mint`` for those that mint a token.
Timings = dict[str, float]

_timings: ContextVar[Timings | None] = ContextVar("flask_heygen_timings", default=None)


def start_timings() -> Timings:
    """Return the timings of the current context, which begin now."""
    timings = {"upstream": 0.0, "mint": 0.0}
    _timings.set(timings)
    return timings


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Add the time of a block, or of a function, to the timings of its context, if it has any."""
    started = time.monotonic()
    try:
        yield
    finally:
        timings = _timings.get()
        if timings is not None:
            timings[name] += (time.monotonic() - started) * 1000
