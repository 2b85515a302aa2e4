"""Time limits, which exclude the time that the machine is suspended, and ages, which include it."""

from __future__ import annotations

import time

from flask_heygen.errors import UpstreamTimeout


class Deadline:
    """The moment by which a request must have its answer, however many calls it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that remain, or raise UpstreamTimeout if it has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise UpstreamTimeout

        return left


def time_left(deadline: float) -> float:
    """Return the seconds until ``deadline``, on the monotonic clock, or raise TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The time limit was reached.")
    return left


class Timestamp:
    """A moment, by default now, whose age includes the time that the machine was suspended.

    The monotonic clock of Linux stands still then, and the wall clock can be set back: the age is
    that of the clock on which more time has passed.
    """

    __slots__ = ("_monotonic", "_wall")

    def __init__(self, age: float = 0.0) -> None:
        self._monotonic, self._wall = time.monotonic() - age, time.time() - age

    @property
    def age(self) -> float:
        """Seconds since then."""
        return max(time.monotonic() - self._monotonic, time.time() - self._wall)
