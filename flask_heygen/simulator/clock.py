"""What time it is for the vendor."""

import time


class Clock:
    """The vendor's time: seconds of `time.monotonic`, and what a test has added to them."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Tell the time that records are stamped with."""
        return time.monotonic() + self._ahead

    @property
    def ahead(self) -> float:
        """How many seconds a test has added."""
        return self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self._ahead += seconds

    def unix(self, moment: float) -> int:
        """Turn a moment of `now` into Unix seconds, as the vendor's replies give them.

        A caller's own clock did not move with `advance`: to it, the moment lies as long ago.
        """
        return int(time.time() - (self.now() - moment))
