"""A call on its way to the vendor, and all that may be done about it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .proxy import Way


@dataclass(frozen=True)
class Reply:
    """What the vendor answered, or somebody in its place."""

    body: bytes
    status: int = 200
    content_type: str | None = "application/json; charset=utf-8"
    #: Further header lines, each with its end.
    more: bytes = b""

    @property
    def head(self) -> bytes:
        """All that comes before the body."""
        lines = f"HTTP/1.1 {self.status} Said\r\nContent-Length: {len(self.body)}\r\n"
        if self.content_type is not None:
            lines += f"Content-Type: {self.content_type}\r\n"
        return lines.encode() + self.more + b"\r\n"

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.head + self.body


class Call:
    """A call whose first bytes have come: a fault says what is done about it.

    Whatever it does, OSError says that the client has gone away, and ends it.
    """

    def __init__(self, way: Way, beginning: bytes, *, reused: bool) -> None:
        self._way, self._beginning = way, beginning
        #: Whether its connection has carried another before.
        self.reused = reused
        #: Set when the proxy ends, which is to end whatever waits.
        self.ended = way.proxy.ended
        self.path = beginning.split(b" ", 2)[1].decode()
        self.name = self.path.rpartition(".")[2]
        #: The session token, known once it was read.
        self.token = ""

    def read(self) -> tuple[dict[str, str], bytes]:
        """Take in the rest of it; return headers and body."""
        head, separator, body = self._beginning.partition(b"\r\n\r\n")
        while not separator:
            self._beginning += self._way.receive()
            head, separator, body = self._beginning.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {
            name.lower(): value for name, _, value in (each.partition(": ") for each in lines)
        }
        while len(body) < int(headers.get("content-length", "0")):
            body += self._way.receive()

        self.token = headers.get("authorization", "").removeprefix("Bearer ")
        self._way.proxy.note(self, headers)
        return headers, body

    def act(self) -> Reply:
        """Have the vendor act on it."""
        headers, body = self.read()
        return self._way.forward(self.path, headers, body)

    def answer(self, reply: Reply) -> None:
        """Send a reply as it should be."""
        self.write(reply.whole)

    def write(self, content: bytes) -> None:
        """Send some bytes."""
        self._way.connection.sendall(content)

    def end(self) -> None:
        """Close the connection, over TLS without a word."""
        self._way.end()
        self._way.connection.close()

    def reset(self) -> None:
        """Reset the connection."""
        # To linger for no time makes a close a reset.
        linger = struct.pack("ii", 1, 0)
        self._way.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._way.connection.close()


Fault = Callable[[Call], object]


def none(call: Call) -> None:
    """Break nothing."""
    call.answer(call.act())
