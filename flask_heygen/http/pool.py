"""The idle connections to one host, kept for the next call."""

from __future__ import annotations

import contextlib
import http.client
import re
import time
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from .connector import Connector
from .deadline import Timestamp
from .stream import MAX_RESPONSE, HTTPResponse, Stream

#: Seconds; below any vendor's own, so that it rarely closes a connection just as we write to it.
MAX_IDLE = 30.0
#: Connections; above the number of threads or greenlets of any worker, its minters included.
MAX_CONNECTIONS = 2000


class RawResponse(NamedTuple):
    """A response whose body was read up to its end, or to one byte more than is allowed."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Pool:
    """A stack of idle connections, for many threads or greenlets at once.

    requests takes it for a connection pool of urllib3, of which it calls ``urlopen`` alone.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._idle: deque[Any] = deque()
        self._finalizer = weakref.finalize(self, _close, self._idle)

    def urlopen(
        self, *, method: str, url: str, body: Any, headers: Any, timeout: Any, **_: Any
    ) -> RawResponse:
        """Send a request once and return the whole response.

        Raises:
            NotConnected: nothing was sent.
            OSError, HTTPException: there was no response, or a broken one.

        """
        connection = self._get()
        stream: Stream = connection.sock
        stream.start(time.monotonic() + timeout.read_timeout)
        reusable = False
        try:
            connection.request(method, url, body, headers)
            response = connection.getresponse()
            content = response.read(MAX_RESPONSE + 1)
            reusable = response.isclosed() and connection.sock is stream
        finally:
            if reusable:
                stream.used, stream.max_idle = Timestamp(), _max_idle(response.headers)
                self._put(connection)
            else:
                stream.disconnect()
        return RawResponse(response.status, response.headers, content)

    def close(self) -> None:
        """Close idle connections now, and busy ones after their response."""
        self._finalizer()

    def _get(self) -> Any:
        target, tls = self._connector.target, self._connector.tls
        https = target.scheme == "https"
        # Looked up for each call, as a test library may replace these classes.
        connection_class: Any = http.client.HTTPSConnection if https else http.client.HTTPConnection
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                stream = connection.sock
                same = type(connection) is connection_class
                if same and stream.used.age < stream.max_idle and stream.is_idle():
                    return connection
                stream.disconnect()

        options = {"context": tls} if https else {}
        connection = connection_class(target.hostname, target.port, **options)
        connection.set_debuglevel(0)  # at 1 it prints the key, the tokens and the texts
        connection.response_class = HTTPResponse
        connection.sock = Stream(self._connector.connect)
        return connection

    def _put(self, connection: Any) -> None:
        self._idle.append(connection)
        with contextlib.suppress(IndexError):
            while self._idle[0].sock.used.age > MAX_IDLE or len(self._idle) > MAX_CONNECTIONS:
                self._idle.popleft().sock.disconnect()
        if not self._finalizer.alive:
            _close(self._idle)


def _max_idle(headers: Mapping[str, str]) -> float:
    """Return the seconds after which the peer may close the connection, less one for the way."""
    keep_alive = headers.get("Keep-Alive")
    timeout = keep_alive and re.search(r"\btimeout=(\d{1,9})", keep_alive)
    return min(MAX_IDLE, int(timeout[1]) - 1) if timeout else MAX_IDLE


def _close(idle: deque[Any]) -> None:
    with contextlib.suppress(IndexError):
        while True:
            idle.pop().sock.disconnect()
