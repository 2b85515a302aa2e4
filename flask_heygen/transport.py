"""Which connection a call goes over: kept, verified, and bounded in the time of its reply."""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as ConnectTimeout
from urllib3.util.ssl_ import create_urllib3_context

from .errors import NotConfigured

#: Seconds; below any vendor's own, so that it rarely closes a connection just as we write to it.
MAX_IDLE = 30.0
#: Connections kept; above the number of threads or greenlets of any worker, none is thrown away.
POOL_SIZE = 1000


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
        timeout = sock.gettimeout()
        self._raw, self._sock = raw, sock
        self._end = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("The reply took too long.")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock))


class _Bounds:
    """What a connection gains: bounds on reply and rest, an error that says nothing was sent."""

    response_class: Any = _Response
    _answered = 0.0

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]  # of the connection it is mixed into
        except (OSError, HTTPException, HTTPError) as error:
            raise NotConnected(error) from error

    def getresponse(self) -> Any:
        self._answered = time.monotonic()
        return super().getresponse()  # type: ignore[misc]

    @property
    def is_connected(self) -> bool:
        rested = time.monotonic() - self._answered
        return rested < MAX_IDLE and bool(super().is_connected)  # type: ignore[misc]


class _Connection(_Bounds, HTTPConnection):
    pass


class _SecureConnection(_Bounds, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class Transport(HTTPAdapter):
    """The adapter of requests with our connections, and one SSL context for all of them.

    To read the CA bundle takes some 40 ms of CPU, and requests reads it anew for each connection.
    """

    def __init__(self, base_url: str) -> None:
        self._tls: dict[str, Any] = {}
        if base_url.startswith("https:"):
            self._tls["ssl_context"] = _ssl_context()
        super().__init__(pool_maxsize=POOL_SIZE)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002  as it is overridden
        **options: Any,
    ) -> None:
        """Make the pools that requests would make, of our connections."""
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        """Make the pools that requests would make for a proxy, of our connections."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **options, **self._tls)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, *args: Any) -> None:
        """Leave the certificates to the SSL context, which requires and checks them."""


def _ssl_context() -> ssl.SSLContext:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    name = next((each for each in names if os.environ.get(each)), None)
    bundle = Path(os.environ[name] if name else DEFAULT_CA_BUNDLE_PATH)
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise NotConfigured(f"{name or bundle} names no readable certificates.") from error
    return context
