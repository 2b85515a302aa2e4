"""The vendor's clock, which a test can advance."""

import time


class Clock:
    """Seconds of `time.monotonic`, plus what a test has added."""

    def __init__(self) -> None:
        #: Seconds that a test has added.
        self.ahead = 0.0

    def now(self) -> float:
        """Return the time that records are stamped with."""
        return time.monotonic() + self.ahead

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self.ahead += seconds

    def unix(self, moment: float) -> int:
        """Convert a time of `now` to Unix seconds, as the vendor's responses have them.

        A caller's own clock did not move with `advance`: to it, the moment is as long ago.
        """
        return int(time.time() - (self.now() - moment))
