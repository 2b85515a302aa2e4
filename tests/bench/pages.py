"""A minimal HTTP/1.1 client for tasks, with kept connections and low CPU use."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Endpoint:
    """The address and headers of a POST."""

    port: int
    path: str
    tls: ssl.SSLContext | None = None
    headers: str = ""

    def request(self, fields: object) -> bytes:
        """Return the bytes of a POST of ``fields`` as JSON."""
        body = json.dumps(fields).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


class Connection(asyncio.Protocol):
    """One kept connection, with at most one request in flight."""

    def __init__(self) -> None:
        self._received = b""
        self._answered: asyncio.Future[tuple[int, bytes]] | None = None
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if ended else None
        if length is None or len(body) < int(length[1]):
            return

        self._received = b""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the status and the body of the response."""
        if self.lost:
            raise ConnectionResetError("closed")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        self._transport.abort()


class Pages:
    """A pool of connections to a target, last in, first out."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._free: list[Connection] = []
        self._all: list[Connection] = []

    async def ask(self, fields: object) -> tuple[int, Any]:
        """Post ``fields``; return the status and the JSON of the response."""
        while self._free and self._free[-1].lost:
            self._free.pop()
        connection = self._free.pop() if self._free else await self._connect()
        status, body = await connection.ask(self._endpoint.request(fields))
        self._free.append(connection)
        return status, json.loads(body)

    async def speak(self) -> str | None:
        """Send a task; return its error, or None for a success."""
        sent = str(time.monotonic_ns())
        task = {"session_id": "session-1", "text": f"Tell me about yourself, please. {sent}"}
        try:
            status, answer = await self.ask(task)
            if status != 200:
                return str(status)
            return None if answer["data"]["task_id"] == f"task-{sent}" else "answer of another task"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return type(error).__name__

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, "127.0.0.1", self._endpoint.port, ssl=self._endpoint.tls
        )
        self._all.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._all:
            connection.close()


@asynccontextmanager
async def pages(endpoint: Endpoint) -> AsyncIterator[Pages]:
    """Open a pool of connections for the duration of the block."""
    opened = Pages(endpoint)
    try:
        yield opened
    finally:
        opened.close()
