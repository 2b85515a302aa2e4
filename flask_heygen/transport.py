"""Which connection a call goes over, and how: kept, verified, and bounded in time and size."""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.exceptions import TimeoutError as ConnectTimeout
from urllib3.util.connection import allowed_gai_family
from urllib3.util.proxy import connection_requires_http_tunnel

from .errors import NotConfigured

#: Bytes; a vendor's reply is a few hundred, a list of sessions some thousand.
MAX_REPLY = 1 << 20
#: Seconds; whoever cannot be reached by then is not there.
CONNECT_TIMEOUT = 5.0
#: Seconds; below any vendor's own, so that it rarely closes a connection just as we write to it.
MAX_IDLE = 30.0
#: Connections kept; above the number of threads or greenlets of any worker, its minters included.
POOL_SIZE = 2000


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
                this.timeout = _left(end) / (1 + len(addresses))
                try:
                    sock = super()._new_conn()  # type: ignore[misc]
                    break
                except HTTPError:
                    if not addresses:
                        raise
        finally:
            this.host = host
        sock.settimeout(_left(end))  # for the handshake
        return sock

    def getresponse(self) -> Any:
        self._answered = time.monotonic()
        return http.client.HTTPConnection.getresponse(self)  # type: ignore[arg-type]

    @property
    def is_connected(self) -> bool:
        rested = time.monotonic() - self._answered
        return rested < MAX_IDLE and bool(super().is_connected)  # type: ignore[misc]


class _Connection(_Bounds, HTTPConnection):
    pass


class _SecureConnection(_Bounds, HTTPSConnection):
    pass


class _Calls:
    """What a pool of urllib3 gains: a call that is made once, and whose reply is read at once."""

    def call(self: Any, request: requests.PreparedRequest, url: str, seconds: float) -> Any:
        """Return http.client's response, and of its body what came, at most a byte too much.

        Raises:
            NotConnected: surely nothing was sent.
            OSError, HTTPException: there was no answer, or a broken one.

        """
        end = time.monotonic() + seconds
        tunnel = connection_requires_http_tunnel(self.proxy, self.proxy_config, self.scheme)
        headers: Any = request.headers
        if self.proxy is not None and not tunnel:
            headers = {**headers, **self.proxy_headers}
        connection, response = self._get_conn(), None
        try:
            if connection.is_closed:
                connection.timeout = min(seconds, CONNECT_TIMEOUT)
                self._prepare_proxy(connection) if tunnel else connection.connect()
            left = end - time.monotonic()
            if left <= 0:
                raise NotConnected(TimeoutError("Connecting took too long."))
            connection.sock.settimeout(left)
            connection.request(request.method, url, request.body, headers)
            response = connection.getresponse()
            content = response.read(MAX_REPLY + 1)
        finally:
            if response is None or not response.isclosed():
                connection.close()
            self._put_conn(connection)
        return response, content


class _Pool(_Calls, HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(_Calls, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _left(end: float) -> float:
    return max(end - time.monotonic(), 0.001)  # 0 would mean not to wait, and less is refused


_POOLS = {"http": _Pool, "https": _SecurePool}


class Transport(HTTPAdapter):
    """The adapter of requests for one vendor, at half its CPU.

    One SSL context serves all connections: to read the CA bundle takes some 40 ms of CPU, and
    requests reads it anew for each. The environment is asked once, not for each call. And nothing
    is unpacked, followed or repeated here.
    """

    def __init__(self, base_url: str) -> None:
        self._tls: dict[str, Any] = {}
        if base_url.startswith("https:"):
            self._tls["ssl_context"] = _ssl_context()
        super().__init__(pool_maxsize=POOL_SIZE)
        self._proxies = get_environ_proxies(base_url, no_proxy=None)
        request = requests.Request("POST", base_url).prepare()
        self._pool: Any = None
        with suppress(requests.RequestException, HTTPError):
            self._pool = self.get_connection_with_tls_context(
                request, verify=True, proxies=self._proxies
            )
        if self._pool is None:  # not while that error is handled: it may hold the proxy's password
            raise NotConfigured("The proxy that the environment names has no valid URL.")

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
        if not proxy.startswith(("http://", "https://")):
            raise NotConfigured("The proxy that the environment names is not one for HTTP.")
        manager: ProxyManager = super().proxy_manager_for(proxy, **options, **self._tls)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, *args: Any) -> None:
        """Leave the certificates to the SSL context, which requires and checks them."""

    def send(
        self, request: requests.PreparedRequest, *_: Any, timeout: Any = None, **__: Any
    ) -> requests.Response:
        """Make a call, in ``timeout`` seconds altogether; its reply is read when this returns."""
        url = self.request_url(request, self._proxies) if self._proxies else request.path_url
        reply, content = self._pool.call(request, url, timeout)
        response = requests.Response()
        response.status_code = reply.status
        response.headers = CaseInsensitiveDict(reply.headers.items())
        response.raw = io.BytesIO(content)
        response.url, response.request = request.url or "", request
        return response


def _ssl_context() -> ssl.SSLContext:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    name = next((each for each in names if os.environ.get(each)), None)
    bundle = Path(os.environ[name] if name else DEFAULT_CA_BUNDLE_PATH)
    # As ssl has it now, which gevent may have patched since urllib3 took its own from there.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise NotConfigured(f"{name or bundle} names no readable certificates.") from error
    return context
