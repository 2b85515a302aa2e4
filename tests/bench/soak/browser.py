"""An HTTP client that keeps its connection and resends a POST as browsers do.

Chromium and Firefox repeat a request on a new connection if a reused one breaks before the first
byte of the response.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from tests.bench.pages import Connection, Endpoint

#: The Accept header of the page's module.
NDJSON = "application/x-ndjson, application/json"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Browser:
    """One connection of a page, with at most one request in flight."""

    def __init__(self, port: int, headers: str = "") -> None:
        self._port, self._headers = port, headers
        self._connection: _Connection | None = None
        #: Number of requests sent again.
        self.resent = 0

    async def post(self, path: str, fields: object, accept: str = NDJSON) -> dict[str, Any]:
        """Post ``fields``; return the response's JSON, or that of its last line.

        Raises OSError if no connection can be made, or if it breaks and the request is not sent
        again, and ValueError for a response without JSON.
        """
        headers = f"{self._headers}Accept: {accept}\r\n"
        request = Endpoint(self._port, path, headers=headers).request(fields)
        while (connection := self._connection) is not None and not connection.lost:
            try:
                return _last_line(await connection.ask(request))
            except _NothingReceivedError:
                self.resent += 1

        self._connection = connection = await self._connect()
        return _last_line(await connection.ask(request))

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return connection

    def close(self) -> None:
        """Reset the connection, as a browser does for a page that has stopped waiting."""
        if self._connection is not None:
            self._connection.close()


class _NothingReceivedError(ConnectionResetError):
    pass


class _Connection(Connection):
    """A connection that reads chunked bodies, too, and reports whether anything was received."""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        ended = len(body) >= int(length[1]) if length else body.endswith(b"\r\n0\r\n\r\n")
        if not ended:
            return

        self._received = b""
        if _CLOSES.search(head):
            self.close()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        kind = ConnectionResetError if self._received else _NothingReceivedError
        super().connection_lost(kind("The connection was closed."))

    def close(self) -> None:
        self.lost = True  # the transport says so only in the loop's next turn
        super().close()


def _last_line(answer: tuple[int, bytes]) -> dict[str, Any]:
    # The sizes of chunks stand on lines of their own, and each line of JSON in one chunk.
    *_, last = (line for line in answer[1].splitlines() if line.startswith(b"{"))
    return dict(json.loads(last))
