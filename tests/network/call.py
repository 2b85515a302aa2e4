"""A call that passes the proxy, and what can be done to it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .proxy import Tunnel


@dataclass(frozen=True)
class Reply:
    """A reply of the vendor, or in its place."""

    body: bytes
    status: int = 200
    content_type: str | None = "application/json; charset=utf-8"
    #: Further header lines, each with its CRLF.
    more: bytes = b""

    @property
    def head(self) -> bytes:
        """Status line and headers."""
        lines = f"HTTP/1.1 {self.status} Said\r\nContent-Length: {len(self.body)}\r\n"
        if self.content_type is not None:
            lines += f"Content-Type: {self.content_type}\r\n"
        return lines.encode() + self.more + b"\r\n"

    @property
    def whole(self) -> bytes:
        """Head and body."""
        return self.head + self.body


class Call:
    """A call whose first bytes have arrived.

    Each method raises OSError when the client has closed its connection.
    """

    def __init__(self, tunnel: Tunnel, beginning: bytes, *, reused: bool) -> None:
        self._tunnel, self._beginning = tunnel, beginning
        #: Whether its connection has carried another call before.
        self.reused = reused
        #: Set when the proxy ends, so that nothing waits longer.
        self.ended = tunnel.proxy.ended
        self.path = beginning.split(b" ", 2)[1].decode()
        self.name = self.path.rpartition(".")[2]
        #: The session token, once the call was read.
        self.token = ""

    def read(self) -> tuple[dict[str, str], bytes]:
        """Receive the rest of the call; return headers and body."""
        head, separator, body = self._beginning.partition(b"\r\n\r\n")
        while not separator:
            self._beginning += self._tunnel.receive()
            head, separator, body = self._beginning.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {
            name.lower(): value for name, _, value in (each.partition(": ") for each in lines)
        }
        while len(body) < int(headers.get("content-length", "0")):
            body += self._tunnel.receive()

        self.token = headers.get("authorization", "").removeprefix("Bearer ")
        self._tunnel.proxy.note(self, headers)
        return headers, body

    def act(self) -> Reply:
        """Forward the call to the vendor; return its reply."""
        headers, body = self.read()
        return self._tunnel.forward(self.path, headers, body)

    def answer(self, reply: Reply) -> None:
        """Send a reply unharmed."""
        self.write(reply.whole)

    def write(self, content: bytes) -> None:
        """Send bytes."""
        self._tunnel.connection.sendall(content)

    def end(self) -> None:
        """Close the connection, over TLS without a close_notify."""
        self._tunnel.end()
        self._tunnel.connection.close()

    def reset(self) -> None:
        """Reset the connection."""
        # With a linger time of 0 a close is a reset.
        linger = struct.pack("ii", 1, 0)
        self._tunnel.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._tunnel.connection.close()


#: What is done to a call.
Damage = Callable[[Call], object]


def none(call: Call) -> None:
    """Forward the call unharmed."""
    call.answer(call.act())
