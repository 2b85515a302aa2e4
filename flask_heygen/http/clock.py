"""Deadlines and ages: the one stops while the machine is suspended, the other does not."""

from __future__ import annotations

import time


class Timestamp:
    """A moment whose age is right after a suspend, too.

    The monotonic clock of Linux stands still while the machine is suspended, and the wall clock
    can be set back, so the age is what the clock says on which more time has passed.
    """

    __slots__ = ("_monotonic", "_wall")

    def __init__(self) -> None:
        self._monotonic, self._wall = time.monotonic(), time.time()

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
