"""A pool of session tokens, each used once and minted ahead of need."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial

from flask_heygen.errors import HeyGenError
from flask_heygen.http.deadline import Timestamp
from flask_heygen.tracebacks import conceal_frames

#: Seconds to wait before a token is minted, so as not to compete with the task for the CPU.
ORDER_DELAY = 0.01
#: Seconds that a worker waits for another order: starting a thread costs as much as minting.
IDLE_TIMEOUT = 2.0
#: Seconds without orders after a failed mint, unless the vendor names a wait.
BACKOFF = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Token:
    """A session token and the moment at which it was requested."""

    value: str = field(repr=False)
    requested: Timestamp
    #: The session that it is for, with LiveAvatar.
    session_id: str = ""

    @property
    def age(self) -> float:
        """Seconds since it was requested."""
        return self.requested.age


class TokenPool:
    """A stock of tokens that follows demand: each start and each task orders one.

    No caller waits for an order. An empty pool (more tasks at once than before, expired tokens,
    no threads) returns no token, and the caller mints one itself.
    """

    def __init__(self, mint: Callable[[], Token], *, size: int, max_age: float) -> None:
        self._mint = conceal_frames(mint)
        self._size, self._max_age = size, max_age
        self._lock = threading.Lock()
        self._stock: list[Token] = []
        self._ordered = 0
        self._backoff_until = 0.0
        self._idle_workers = 0
        self._wakeups = threading.Semaphore(0)

    def get(self) -> Token | None:
        """Remove and return the newest token, or None if all are too old."""
        with self._lock:
            while self._stock:
                token = self._stock.pop()
                if token.age <= self._max_age:
                    return token
        return None

    def refill(self) -> None:
        """Order one token in the background, unless the pool is full or minting has just failed."""
        with self._lock:
            full = len(self._stock) + self._ordered >= self._size
            if full or time.monotonic() < self._backoff_until:
                return
            self._ordered += 1
            wake = self._idle_workers > 0
            if wake:
                self._idle_workers -= 1
        if wake:
            self._wakeups.release()
            return
        try:
            # In a new context, as the timings of the current one are those of a request.
            work = partial(Context().run, self._work)
            threading.Thread(target=work, name="heygen-tokens", daemon=True).start()
        except RuntimeError:  # out of threads, or shutting down
            with self._lock:
                self._ordered -= 1

    def _work(self) -> None:
        """Mint for the order that started this worker, then for those that follow soon."""
        while True:
            time.sleep(ORDER_DELAY)
            self._mint_one()
            with self._lock:
                self._idle_workers += 1
            if self._wakeups.acquire(timeout=IDLE_TIMEOUT):
                continue
            with self._lock:
                if self._idle_workers > 0:
                    self._idle_workers -= 1
                    return
            self._wakeups.acquire()  # every idle worker is being woken, this one too

    def _mint_one(self) -> None:
        token, backoff = None, 0
        try:
            token = self._mint()
        except HeyGenError as error:
            backoff = error.retry_after or BACKOFF
            logger.warning(
                "Minting a session token ahead failed (%s); for %d s each call mints its own.",
                error.code,
                backoff,
            )
        finally:
            with self._lock:
                self._ordered -= 1
                self._backoff_until = max(self._backoff_until, time.monotonic() + backoff)
                if token is not None:
                    self._stock.append(token)
