"""The adapter of requests for one vendor."""

from __future__ import annotations

import contextlib
import io
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_environ_proxies,
    select_proxy,
    urldefragauth,
)

from flask_heygen.errors import NotConfigured

from .connector import Connector
from .pool import Pool, RawResponse


class Adapter(HTTPAdapter):
    """An adapter for one host, at half the CPU of requests' own.

    One SSL context serves all connections: reading the CA bundle takes some 40 ms of CPU, and
    requests reads it again for each. The environment is read once and not for each call. Nothing
    is decoded, followed or retried. ``send`` stays that of requests, where test libraries
    (``responses``) and tracers put their own.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        target = urlsplit(str(requests.Request("GET", base_url).prepare().url))
        proxies = get_environ_proxies(base_url, no_proxy=None)
        proxy = _parse_proxy(select_proxy(base_url, proxies))
        headers = self.proxy_headers(proxy.geturl()) if proxy else {}
        secure = any(each.scheme == "https" for each in (target, proxy) if each)
        tls = _ssl_context() if secure else None
        self._forwarded = proxy is not None and target.scheme == "http"
        self._headers = headers if self._forwarded else {}  # or the tunnel's
        self._pool: Any = Pool(Connector(target, proxy, headers, tls))

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """Return the pool, whatever the request: its connector knows host, proxy and TLS."""
        return self._pool

    def cert_verify(self, *_: Any) -> None:
        """Do nothing: the pool's connections are verified."""

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        """Return the path, or for a proxy that forwards the request the URL."""
        return urldefragauth(request.url or "") if self._forwarded else request.path_url

    def add_headers(self, request: requests.PreparedRequest, **_: Any) -> None:
        """Add the proxy's credentials."""
        if self._headers:
            request.headers.update(self._headers)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return what is used of a response: its status, headers and body."""
        if not isinstance(resp, RawResponse):  # that of a test library
            return super().build_response(req, resp)
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers  # type: ignore[assignment]  # case-insensitive as they are
        response.raw = io.BytesIO(resp.content)
        response.url, response.request = req.url or "", req
        return response

    def close(self) -> None:
        """Close idle connections now, and busy ones after their response."""
        self._pool.close()
        super().close()


def _parse_proxy(url: str | None) -> SplitResult | None:
    if not url:
        return None
    with contextlib.suppress(ValueError):
        proxy = urlsplit(url if "://" in url else f"http://{url}")
        if proxy.scheme in ("http", "https") and proxy.hostname and proxy.port != 0:
            return proxy
    # Not while that error is handled: it may hold the proxy's password.
    raise NotConfigured(
        "The proxy that the environment names must have a URL like http://host:port."
    )


def _ssl_context() -> ssl.SSLContext:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    name = next((each for each in names if os.environ.get(each)), None)
    bundle = Path(os.environ[name] if name else DEFAULT_CA_BUNDLE_PATH)
    # The class that ssl has now: gevent may have replaced it since it was imported.
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
