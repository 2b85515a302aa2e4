"""How a connection is made and read: in a time that its addresses share, and that a reply keeps."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any, TypeVar

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.exceptions import TimeoutError as ConnectTimeout
from urllib3.util import wait_for_read
from urllib3.util.connection import allowed_gai_family

#: Seconds; below any vendor's own, so that it rarely closes a connection just as we write to it.
MAX_IDLE = 30.0

_T = TypeVar("_T")


class NotConnected(Exception):
    """There was no connection, so that surely nothing was sent."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        refused = isinstance(error, NewConnectionError)  # though of ConnectTimeout's family
        self.timed_out = isinstance(error, TimeoutError | ConnectTimeout) and not refused


class _BoundedReader(io.RawIOBase):
    """What a socket receives, all of it within the socket's timeout.

    A socket's timeout is one per read: a reply that drips in byte by byte never meets it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("The reply took too long.")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock))

    def _read_status(self) -> tuple[str, int, str]:
        # http.client takes every interim reply but 100 for the final one, which would then be
        # the reply to the connection's next call.
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, http.client.CONTINUE if 100 <= status < 200 else status, reason

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise ValueError("There are no such chunks.")  # -1 would be all that ever comes
        return size


class _Bounds:
    """What a connection of urllib3 gains: a bound on its rest, an error that says nothing was sent.

    Connecting is urllib3's, with its proxies and certificates; request and reply are those of
    http.client, beneath it, at half the CPU.
    """

    response_class: Any = _Response
    request: Any = http.client.HTTPConnection.request
    _answered = 0.0

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]  # of the connection it is mixed into
        except (OSError, HTTPException, HTTPError) as error:
            raise NotConnected(error) from error

    def _new_conn(self) -> Any:
        """Connect to one of the host's addresses; urllib3 would give all the time to each."""
        this: Any = self  # of the connection it is mixed into
        end = time.monotonic() + this.timeout
        host = this._dns_host  # noqa: SLF001  this.host, which is the same, lacks a dot at its end
        try:
            found = socket.getaddrinfo(host, this.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # Unicode's: a label is empty or too long
            raise NameResolutionError(host, this, error) from error  # type: ignore[arg-type]
        addresses = [each[4][0] for each in found]
        try:
            while True:
                this.host = addresses.pop(0)
                this.timeout = time_left(end) / (1 + len(addresses))
                try:
                    sock = super()._new_conn()  # type: ignore[misc]
                    break
                except HTTPError:
                    if not addresses:
                        raise
        finally:
            this.host = host
        sock.settimeout(time_left(end))  # for the handshake
        return sock

    def getresponse(self) -> Any:
        self._answered = time.monotonic()
        return http.client.HTTPConnection.getresponse(self)  # type: ignore[arg-type]

    @property
    def is_connected(self) -> bool:
        rested = time.monotonic() - self._answered
        return rested < MAX_IDLE and bool(super().is_connected)  # type: ignore[misc]


class Connection(_Bounds, HTTPConnection):
    """One over http."""


class SecureConnection(_Bounds, HTTPSConnection):
    """One over https."""


def bounded_tls(tls: type[ssl.SSLSocket]) -> type[ssl.SSLSocket]:
    """Return a kind of socket whose timeout is that of a whole handshake, and of a whole read.

    Python's own is one. A timeout of gevent's begins anew with each piece of a TLS record.
    """
    if tls.__module__ == ssl.__name__:
        return tls

    class BoundedTLS(tls):  # type: ignore[misc, valid-type]
        def do_handshake(self) -> None:
            _in_time(self, super().do_handshake)

        def read(self, *args: Any) -> Any:
            return _in_time(self, lambda: super(BoundedTLS, self).read(*args))

    return BoundedTLS


def _in_time(sock: Any, act: Callable[[], _T]) -> _T:
    """Do what may wait for ``sock`` within its timeout; the waiting is ours."""
    seconds = sock.gettimeout()
    end = time.monotonic() + seconds
    sock.settimeout(0)
    try:
        while True:
            with suppress(ssl.SSLWantReadError):
                return act()
            if not wait_for_read(sock, time_left(end)):
                raise TimeoutError("It took too long.")
    finally:
        sock.settimeout(seconds)


def time_left(end: float) -> float:
    """Return the seconds until a moment, as a socket's timeout takes them."""
    return max(end - time.monotonic(), 0.001)  # 0 would mean not to wait, and less is refused
