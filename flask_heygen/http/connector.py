"""The opening of a connection: addresses, proxy and TLS, within one time limit."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from .deadline import time_left
from .stream import HTTPResponse, Stream
from .tls import start_tls

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
                sock = start_tls(sock, self.tls, str(first.hostname), end)
            if self.proxy and self.target.scheme == "https":
                self._tunnel(sock, end)
                sock = start_tls(sock, self.tls, str(self.target.hostname), end)
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
