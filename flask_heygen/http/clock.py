"""Deadlines, which stand still while the machine is suspended, and ages, which do not."""

from __future__ import annotations

import time


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


def time_left(deadline: float) -> float:
    """Return the seconds until ``deadline``, on the monotonic clock, or raise TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The time limit was reached.")
    return left
