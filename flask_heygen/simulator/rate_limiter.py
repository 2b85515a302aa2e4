"""LiveAvatar's rate limit (doc)."""

import threading
from collections import Counter

from .clock import Clock
from .config import Config


class RateLimiter:
    """Counts calls by endpoint and credential, in fixed windows of a second, from any thread."""

    def __init__(self, clock: Clock, config: Config) -> None:
        self._clock = clock
        self._config = config
        self._lock = threading.Lock()
        self._window = 0
        self._counts: Counter[tuple[str, str]] = Counter()

    def take(self, call: str, credential: str) -> int:
        """Count a call; return how many are left in this window, negative if it is one too many."""
        with self._lock:
            now = int(self._clock.now())
            if now != self._window:
                self._window = now
                self._counts.clear()
            self._counts[call, credential] += 1
            return self._config.rate_limit - self._counts[call, credential]

    def reset(self) -> None:
        """Forget the calls."""
        with self._lock:
            self._counts.clear()
