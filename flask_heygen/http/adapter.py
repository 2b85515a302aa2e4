"""How a call is made: over a connection that is kept and verified, once, and bounded in size."""

from __future__ import annotations

import io
import os
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.exceptions import HTTPError
from urllib3.util.proxy import connection_requires_http_tunnel

from flask_heygen.errors import NotConfigured

from .pool import Connection, NotConnected, SecureConnection, bounded_tls, time_left

#: Bytes; a vendor's reply is a few hundred, a list of sessions some thousand.
MAX_REPLY = 1 << 20
#: Seconds; whoever cannot be reached by then is not there.
CONNECT_TIMEOUT = 5.0
#: Connections kept; above the number of threads or greenlets of any worker, its minters included.
POOL_SIZE = 2000


class _Calls:
    """What a pool of urllib3 gains: a call that is made once, and whose reply is read at once."""

    def call(self: Any, request: requests.PreparedRequest, url: str, seconds: float) -> Any:
        """Return http.client's response, and of its body what came, at most a byte too much.

        Raises:
            NotConnected: surely nothing was sent.
            OSError, HTTPException: there was no answer, or a broken one.

        """
        end = time.monotonic() + seconds
        scheme = (request.url or "").partition(":")[0]  # self.scheme may be that of the proxy
        tunnel = connection_requires_http_tunnel(self.proxy, self.proxy_config, scheme)
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
            connection.sock.settimeout(time_left(end))  # what sending took is not had again
            response = connection.getresponse()
            content = response.read(MAX_REPLY + 1)
        finally:
            if response is None or not response.isclosed():
                connection.close()
            self._put_conn(connection)
        return response, content


class _Pool(_Calls, HTTPConnectionPool):
    ConnectionCls = Connection


class _SecurePool(_Calls, HTTPSConnectionPool):
    ConnectionCls = SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class Transport(HTTPAdapter):
    """The adapter of requests for one vendor, at half its CPU.

    One SSL context serves all connections: to read the CA bundle takes some 40 ms of CPU, and
    requests reads it anew for each. The environment is asked once, not for each call. And nothing
    is unpacked, followed or repeated here.
    """

    def __init__(self, base_url: str) -> None:
        self._proxies = get_environ_proxies(base_url, no_proxy=None)
        self._tls: dict[str, Any] = {}
        urls = (base_url, select_proxy(base_url, self._proxies) or "")
        if any(url.startswith("https:") for url in urls):
            self._tls["ssl_context"] = _ssl_context()
        super().__init__(pool_maxsize=POOL_SIZE)
        request = requests.Request("POST", base_url).prepare()
        self._pool: Any = None
        # The last of these where there is a password and no host.
        with suppress(requests.RequestException, HTTPError, TypeError):
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
        tls = self._tls
        if proxy.startswith("https:"):  # whose certificate is checked as the vendor's is
            tls = {**tls, "proxy_ssl_context": tls["ssl_context"]}
        manager: ProxyManager = super().proxy_manager_for(proxy, **options, **tls)
        manager.pool_classes_by_scheme = _POOLS
        return manager

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
    context.sslsocket_class = bounded_tls(context.sslsocket_class)
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise NotConfigured(f"{name or bundle} names no readable certificates.") from error
    return context
