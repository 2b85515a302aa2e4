"""Fresh session tokens: each used once, minted ahead of need."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask_heygen.errors import HeyGenError

#: Seconds; the task that orders a successor is answered first, then they compete for the CPU.
ORDER_DELAY = 0.01
#: Seconds that a worker waits for another order; to start a thread costs as much as to mint.
IDLE_TIMEOUT = 2.0
#: Seconds without orders after a mint has failed, where the vendor names none.
BACKOFF = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Token:
    """A session token and the moment before it was asked for."""

    value: str = field(repr=False)
    asked: float

    @property
    def age(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.asked


class TokenPool:
    """A stock of tokens that follows the demand: what is taken is ordered anew, nothing else is.

    No caller ever waits for an order. Where the stock is empty, because more tasks came at once
    than before, because the tokens grew old, or because no thread can run here, a token is minted
    on the spot.
    """

    def __init__(self, mint: Callable[[], Token], *, size: int, max_age: float) -> None:
        self._mint = mint
        self._size, self._max_age = size, max_age
        self._lock = threading.Lock()
        self._stock: list[Token] = []
        self._ordered = 0
        self._rest_until = 0.0
        self._idle_workers = 0
        self._calls = threading.Semaphore(0)

    def get(self) -> Token | None:
        """Hand out the last token that came, unless it is too old; each is handed out once."""
        with self._lock:
            while self._stock:
                token = self._stock.pop()
                if token.age <= self._max_age:
                    return token
        return None

    def refill(self) -> None:
        """Have one token minted in the background, unless the stock is full or minting fails."""
        with self._lock:
            full = len(self._stock) + self._ordered >= self._size
            if full or time.monotonic() < self._rest_until:
                return
            self._ordered += 1
            called = self._idle_workers > 0
            if called:
                self._idle_workers -= 1
        if called:
            self._calls.release()
            return
        try:
            threading.Thread(target=self._work, name="heygen-tokens", daemon=True).start()
        except RuntimeError:  # no thread can be had: out of them, or shutting down
            with self._lock:
                self._ordered -= 1

    def _work(self) -> None:
        """Mint for the order that started this thread, and for those that follow soon."""
        while True:
            time.sleep(ORDER_DELAY)
            self._deliver()
            with self._lock:
                self._idle_workers += 1
            if self._calls.acquire(timeout=IDLE_TIMEOUT):
                continue
            with self._lock:
                if self._idle_workers > 0:
                    self._idle_workers -= 1
                    return
            self._calls.acquire()  # all that wait are being called, this one too

    def _deliver(self) -> None:
        token, rest = None, 0
        try:
            token = self._mint()
        except HeyGenError as error:
            rest = error.retry_after or BACKOFF
            logger.warning(
                "No session token could be minted ahead (%s); each task mints its own for %d s.",
                error.code,
                rest,
            )
        finally:
            with self._lock:
                self._ordered -= 1
                self._rest_until = max(self._rest_until, time.monotonic() + rest)
                if token is not None:
                    self._stock.append(token)
