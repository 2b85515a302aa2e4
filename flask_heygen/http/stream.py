"""The socket of a connection, with a deadline and a size limit for each call, and its responses."""

from __future__ import annotations

import http.client
import io
import re
import ssl
from collections.abc import Callable
from typing import Any

from .deadline import Timestamp, time_left

#: Maximum bytes of a response's body; a vendor's has a few hundred, a list some thousands.
MAX_RESPONSE = 1 << 20
#: Bytes of its head, and the limits of http.client for its parts.
_MAX_HEAD = _MAX_LINE = 1 << 16
_MAX_HEADERS = 100
#: The headers that say where a body ends.
_LENGTHS = ("content-length", "transfer-encoding")
#: Bytes that are read at once; io's own since Python 3.14 is more than the budget has to spare.
_BUFFER = 1 << 13
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_STATUS_LINE = re.compile(rb"HTTP/1\.(\d) ([1-9]\d\d)(?!\d)(.*)")


class Stream(io.RawIOBase):
    """The object that http.client takes for a connected socket.

    It connects when the first request is sent. A socket's own timeout starts again with each
    read, so a response that arrives byte by byte never exceeds it; here it is set before each
    read to what is left of the deadline.
    """

    def __init__(self, connect: Callable[[float], Any]) -> None:
        self._connect = connect
        self._sock: Any = None
        self._unsent: list[bytes] = []
        self._deadline, self._budget = 0.0, 0
        #: The end of the last call.
        self.used = Timestamp()
        #: Seconds that the connection may be idle before the peer closes it.
        self.max_idle = 0.0

    def start(self, deadline: float) -> None:
        """Begin a call that must end by ``deadline``, on the monotonic clock."""
        self._deadline, self._budget = deadline, MAX_RESPONSE + _MAX_HEAD

    def sendall(self, data: bytes) -> None:
        """Keep ``data`` until the response is read: http.client sends headers and body apart."""
        self._unsent.append(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Send the request and return a reader of its response."""
        if self._sock is None:
            self._sock = self._connect(self._deadline)
        unsent = memoryview(b"".join(self._unsent))
        self._unsent.clear()
        while unsent:
            self._sock.settimeout(time_left(self._deadline))
            unsent = unsent[self._sock.send(unsent) :]
        return _Reader(self, _BUFFER)

    def readable(self) -> bool:
        """Return True, for the reader."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived, or wait for it until the deadline."""
        self._sock.settimeout(time_left(self._deadline))
        count: int = self._sock.recv_into(buffer)
        self._budget -= count
        if self._budget < 0:
            raise http.client.HTTPException("The response is too large.")
        return count

    def is_idle(self) -> bool:
        """Return whether the peer has neither sent anything nor closed the connection."""
        try:
            self._sock.settimeout(0)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError, TimeoutError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Do nothing: http.client closes before it reads a body whose length is unknown."""

    def disconnect(self) -> None:
        """Close the socket."""
        if self._sock is not None:
            self._sock.close()


class _Reader(io.BufferedReader):
    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # http.client reads as much as a chunk claims to hold
            raise http.client.HTTPException("A chunk has a negative size.")
        return super().read(size)


class HTTPResponse(http.client.HTTPResponse):
    """A response whose head is read with a fifth of http.client's CPU; interim ones are skipped.

    http.client uses the parser of e-mail, which takes a quarter of the CPU of a call, and takes
    an interim response other than ``100 Continue`` for the final one.
    """

    #: The reader; None for ``close`` if it could not be made, since no connection could.
    fp: Any = None

    def begin(self) -> None:
        """Read the status line and the headers."""
        self.status = 100
        while self.status < 200:
            line = self.fp.readline(_MAX_LINE)
            if not line:
                raise http.client.RemoteDisconnected("The connection was closed.")
            match = _STATUS_LINE.match(line)
            if match is None:
                raise http.client.BadStatusLine(repr(line))
            self.version, self.status = 10 + int(match[1]), int(match[2])
            self.reason = match[3].decode("latin-1").strip()
            self.headers = self.msg = _read_headers(self.fp)

        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = self.headers.get("Content-Length", "")
        known = length.isdecimal() and len(length) < 20 and not self.chunked
        self.length = int(length) if known else None
        if self.status in (204, 304):
            self.length = 0
        # A gateway may add a header of its own.
        connection = ",".join(self.headers.get_all("Connection", ())).lower()
        persistent = "keep-alive" in connection if self.version == 10 else "close" not in connection
        # With two lengths, a proxy and we may disagree about where the next response begins.
        ends = [each for each in self.headers if each.lower() in _LENGTHS]
        self.will_close = (
            not persistent or len(ends) > 1 or (self.length is None and not self.chunked)
        )


def _read_headers(fp: io.BufferedIOBase) -> http.client.HTTPMessage:
    headers = http.client.HTTPMessage()
    for _ in range(_MAX_HEADERS):
        line = fp.readline(_MAX_LINE)
        if line in (b"\r\n", b"\n", b""):
            return headers
        if len(line) == _MAX_LINE:  # its rest would be read as a header
            break
        name, colon, value = line.decode("latin-1").partition(":")
        # Any other is the next line of the one before, or refused by Python since 3.14.
        if colon and _HEADER_NAME.fullmatch(name):
            headers[name] = value.strip()
    raise http.client.HTTPException("The response has too many headers, or too long a one.")
