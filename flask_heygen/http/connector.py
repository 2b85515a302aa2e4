"""The opening of a connection: addresses, proxy and TLS, within one time limit."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from urllib3.util.ssltransport import SSLTransport

from .deadline import time_left
from .stream import HTTPResponse, Stream

#: Seconds; a host that has not accepted a connection by then is taken to be down.
CONNECT_TIMEOUT = 5.0
_PORTS = {"http": 80, "https": 443}


class NotConnected(Exception):
    """No connection could be opened, so nothing was sent."""

    def __init__(self, message: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


@dataclass
class Connector:
    """Opens sockets to the host of ``target``, through ``proxy`` if there is one."""

    target: SplitResult
    proxy: SplitResult | None
    proxy_headers: Mapping[str, str]
    #: The TLS context; None if neither URL is https.
    tls: Any
    _last_address: Any = None

    def connect(self, deadline: float) -> Any:
        """Return a socket that is ready for a request.

        Raises:
            NotConnected: the host was not reached by ``deadline``, refused, or is not trusted.

        """
        first = self.proxy or self.target
        try:
            return self._connect(first, min(deadline, time.monotonic() + CONNECT_TIMEOUT))
        except (OSError, UnicodeError) as error:  # a label of the host's name is too long
            reason, timed_out = str(error), isinstance(error, TimeoutError)
        except http.client.HTTPException as error:
            reason, timed_out = type(error).__name__, False  # its message is the proxy's own text
        raise NotConnected(f"No connection to {first.hostname}: {reason}", timed_out=timed_out)

    def _connect(self, first: SplitResult, end: float) -> Any:
        sock: Any = self._open(first, end)
        try:
            if first.scheme == "https":
                sock = self._start_tls(sock, first, end)
            if self.proxy and self.target.scheme == "https":
                self._tunnel(sock, end)
                sock = self._start_tls(sock, self.target, end)
            time_left(end)
        except BaseException:
            sock.close()
            raise
        return sock

    def _open(self, url: SplitResult, end: float) -> socket.socket:
        """Connect to one of the host's addresses, which share the time; the last good one first."""
        port = url.port or _PORTS[url.scheme]
        found = socket.getaddrinfo(url.hostname, port, 0, socket.SOCK_STREAM)
        found = sorted(found, key=lambda each: each[4] != self._last_address)
        while True:
            family, *_, address = found.pop(0)
            try:
                sock = _connect_to(family, address, time_left(end) / (1 + len(found)))
            except OSError:
                if not found:
                    raise
            else:
                self._last_address = address
                return sock

    def _tunnel(self, sock: Any, end: float) -> None:
        host = self.target.netloc.rpartition("@")[2]
        authority = host if self.target.port else f"{host}:443"
        headers = {"Host": authority, **self.proxy_headers}
        lines = [f"CONNECT {authority} HTTP/1.1", *map(": ".join, headers.items()), "", ""]
        stream: Any = Stream(lambda _: sock)
        stream.start(end)
        stream.sendall("\r\n".join(lines).encode("latin-1"))
        with contextlib.closing(HTTPResponse(stream, method="CONNECT")) as response:
            response.begin()
        if not 200 <= response.status < 300:
            # The standard phrase: in its own a proxy can write escape codes.
            phrase = http.client.responses.get(response.status, "")
            raise OSError(f"The proxy answered CONNECT with {response.status} {phrase}".strip())

    def _start_tls(self, sock: Any, url: SplitResult, end: float) -> Any:
        """Return a TLS socket over ``sock``, its certificate verified.

        The timeout of Python's own limits a whole handshake and a whole read. gevent's starts
        again with each piece of a TLS record, and neither works over another TLS socket.
        """
        sock.settimeout(time_left(end))
        native = self.tls.sslsocket_class.__module__ == ssl.__name__
        if native and isinstance(sock, socket.socket) and not isinstance(sock, ssl.SSLSocket):
            return self.tls.wrap_socket(sock, server_hostname=url.hostname)
        bounded: Any = _DeadlineSocket(sock, time_left(end))
        return SSLTransport(bounded, self.tls, url.hostname)


def _connect_to(family: int, address: Any, timeout: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


class _DeadlineSocket:
    """A socket whose timeout limits all calls together, for TLS that reads in several calls."""

    def __init__(self, sock: Any, timeout: float) -> None:
        self._sock = sock
        self.close = sock.close
        self.settimeout(timeout)

    def settimeout(self, timeout: float) -> None:
        """Set the seconds for all calls from now on."""
        self._deadline = time.monotonic() + timeout

    def recv(self, size: int) -> bytes:
        """Receive at most ``size`` bytes."""
        self._sock.settimeout(max(0, self._deadline - time.monotonic()))
        try:
            data: bytes = self._sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("The time limit was reached.") from None
        return data

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        if data:
            self._sock.settimeout(time_left(self._deadline))
            self._sock.sendall(data)
