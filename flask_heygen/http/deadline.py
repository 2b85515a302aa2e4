"""The time limit that all upstream calls of one request share."""

from __future__ import annotations

import time

from flask_heygen.errors import UpstreamTimeout


class Deadline:
    """The moment by which a request must have its answer, however many calls it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, or raise UpstreamTimeout where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise UpstreamTimeout

        return left
