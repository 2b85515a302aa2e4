"""Which calls arrived, and what was read of each."""

import itertools
import json
import threading
import time
from dataclasses import replace
from typing import Any

from aiohttp import web

from .records import Call


def bearer(request: web.Request) -> str | None:
    """Read the session token of a call."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def body(request: web.Request) -> Any:
    """Read the JSON body of a call; None where there is none, or it is no JSON."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None


def gone(request: web.Request) -> bool:
    """Tell whether the client has closed the connection, or we have."""
    return request.transport is None or request.transport.is_closing()


class CallLog:
    """Every call since the last reset; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._calls: dict[int, Call] = {}

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in the order of their coming."""
        with self._lock:
            return tuple(self._calls.values())

    def begin(self, name: str, request: web.Request, content: Any) -> int:
        """Note a call that has arrived, and number it."""
        call = Call(
            name, request.method, request.path, bearer(request), content, started=time.monotonic()
        )
        with self._lock:
            number = next(self._numbers)
            self._calls[number] = call
        return number

    def answer(self, number: int, status: int | None) -> None:
        """Note the status that a call is about to get; None: no reply at all."""
        self._change(number, status=status)

    def end(self, number: int) -> None:
        """Note that a call is over."""
        self._change(number, ended=time.monotonic())

    def reset(self) -> None:
        """Forget every call, open ones too."""
        with self._lock:
            self._calls.clear()

    def _change(self, number: int, **changes: Any) -> None:
        with self._lock:
            if number in self._calls:
                self._calls[number] = replace(self._calls[number], **changes)
