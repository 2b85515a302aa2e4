"""The log of calls, and the parsing of requests."""

import itertools
import json
import threading
import time
from dataclasses import replace
from typing import Any

from aiohttp import web

from .models import Call


def bearer(request: web.Request) -> str | None:
    """Return the session token of a request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def room_url(request: web.Request) -> str:
    """Return the URL of the rooms, which are on the port of the request."""
    return f"{'wss' if request.secure else 'ws'}://{request.host}"


async def json_body(request: web.Request) -> Any:
    """Return the JSON body of a request; None if there is none or it is not JSON."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None


def disconnected(request: web.Request) -> bool:
    """Return whether either side has closed the connection."""
    return request.transport is None or request.transport.is_closing()


class RequestLog:
    """Every call since the last reset; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._calls: dict[int, Call] = {}

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in the order they arrived in."""
        with self._lock:
            return tuple(self._calls.values())

    def begin(self, name: str, request: web.Request, body: Any) -> int:
        """Note a call that has arrived, and return its number."""
        call = Call(
            name, request.method, request.path, bearer(request), body, started=time.monotonic()
        )
        with self._lock:
            number = next(self._numbers)
            self._calls[number] = call
        return number

    def update(self, number: int, **changes: Any) -> None:
        """Note the status or the end of a call."""
        with self._lock:
            if number in self._calls:
                self._calls[number] = replace(self._calls[number], **changes)

    def reset(self) -> None:
        """Forget every call, open ones too."""
        with self._lock:
            self._calls.clear()
